/* The first line of a script: read, enabled, and given back to the byte. */
#include "core/ctl/line.h"

#include "tap.h"

#include <stdlib.h>

#define CLIENT "/usr/bin/prefork-interp"

static struct line line;
static struct line_edit edit;
static const char *why;

static int read_text(const char *text) {
	return line_read(&line, text, strlen(text), &why);
}

/* TEXT with the edit made. */
static const char *edited(const char *text) {
	static char result[1024];

	snprintf(result, sizeof result, "%.*s%s%s", (int)edit.at, text, edit.insert, text + edit.at + edit.remove);
	return result;
}

static void round_trip(const char *text, const char *expected) {
	char *enabled;

	ok(read_text(text) == 0 && !line.enabled && line_enable(&line, CLIENT, &edit, &why) == 0, "enabled: %s", text);
	enabled = strdup(edited(text));
	is_string(enabled, expected, "its text");
	ok(read_text(enabled) == 0 && line.enabled && line_disable(&line, &edit, &why) == 0, "disabled");
	is_string(edited(enabled), text, "is the text of before");
	free(enabled);
}

static void round_trips(void) {
	round_trip("#!/bin/x", "#!" CLIENT " -- /bin/x");
	round_trip("#!/bin/x\nrest", "#!" CLIENT " -- /bin/x\nrest");
	round_trip("#! /bin/x -w \nrest\n", "#! " CLIENT " -- /bin/x -w \nrest\n");
	round_trip("#!\t /bin/x\t -w\t-T\n", "#!\t " CLIENT " -- /bin/x\t -w\t-T\n");
	round_trip("#!/usr/bin/env x\n", "#!" CLIENT " -- /usr/bin/env x\n");
	round_trip("#!/usr/bin/env -S x -u\n", "#!" CLIENT " -- /usr/bin/env -S x -u\n");
}

static void by_hand(void) {
	ok(read_text("#!/a/prefork-interp -- x\n") == 0 && line_disable(&line, &edit, &why) == 0, "a name without a path");
	is_string(edited("#!/a/prefork-interp -- x\n"), "#!/usr/bin/env x\n", "is env's");
	ok(read_text("#!/a/prefork-interp  --  x -w\n") == 0 && line_disable(&line, &edit, &why) == 0, "and arguments");
	is_string(edited("#!/a/prefork-interp  --  x -w\n"), "#!/usr/bin/env -S x -w\n", "are, too");
	ok(read_text("#!/a/prefork-interp  --\t /bin/x\n") == 0 && line_disable(&line, &edit, &why) < 0, "a tab");
	ok(read_text("#!/a/prefork-interp -U,x\n") == 0 && line_disable(&line, &edit, &why) < 0, "options");
	ok(read_text("#!/a/prefork-interp --idle-timeout=3 -- x\n") == 0 && line_disable(&line, &edit, &why) < 0, "more");
	ok(read_text("#!/a/prefork-interp x\n") == 0 && line_disable(&line, &edit, &why) < 0, "without --");
	ok(read_text("#!/a/prefork-interp --\n") == 0 && line_disable(&line, &edit, &why) < 0, "nothing behind --");
}

static void words(void) {
	char text[2 * sizeof line.program], *v[LINE_WORDS + 1];

	ok(read_text("#! /bin/x  -a\t-b \n") == 0, "a line of several words");
	is_string(line.program, "/bin/x", "program");
	is_string(line.argument, "-a\t-b", "argument, as one");
	ok(line_words(&line, text, v) == 3 && !v[3] && strcmp(v[0], "/bin/x") == 0 && strcmp(v[2], "-b") == 0, "split");
}

/* "#!/" and so many x */
static int read_long(size_t length) {
	static char text[600] = "#!/";

	memset(text + 3, 'x', sizeof text - 3);
	text[length] = '\n';
	return line_read(&line, text, sizeof text, &why);
}

static void limits(void) {
	ok(read_long(254) == 0 && strlen(line.program) == 252, "as long as it can be");
	ok(read_long(255) < 0, "too long");
	ok(read_long(254 - strlen(CLIENT " -- ")) == 0 && line_enable(&line, CLIENT, &edit, &why) == 0, "just enabled");
	ok(read_long(255 - strlen(CLIENT " -- ")) == 0 && line_enable(&line, CLIENT, &edit, &why) < 0, "just not: %s", why);
}

static void wrong(void) {
	static const char *const texts[] = {"",      "#",         "\177ELF",      "x\n#!/bin/x",     "#!",
	                                    "#! \n", "#!bin/x\n", "#!/bin/x\r\n", "#!/bin/x \x1b\n", " #!/bin/x"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		ok(read_text(texts[i]) < 0 && why, "not to be rewritten: text %zu: %s", i, why);
	ok(line_read(&line, "#!/bin/x\0y\n", 11, &why) < 0, "a NUL");
	ok(read_text("#!/bin/x") == 0 && line_enable(&line, "/a b/prefork-interp", &edit, &why) < 0,
	   "a client with a blank");
}

int main(void) {
	round_trips();
	by_hand();
	words();
	limits();
	wrong();
	return tap_end();
}
