"""Areas of shapes."""


def area(width, height=2):
    """Return the area of a rectangle."""
    if width is None:
        return 0
    return width * height


if __name__ == "__main__":
    print(area(3))
