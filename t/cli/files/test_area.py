import unittest

from area import area


class TestArea(unittest.TestCase):
    def test_number(self):
        self.assertEqual(area(3), 6)

    def test_none(self):
        self.assertEqual(area(None), 0)

    def test_wrong(self):
        self.assertEqual(area(2, 2), 5)
