/* The client's words: a #! line's and a command line's, in all their forms. */
#include "core/client/words.h"

#include "tap.h"

#include <getopt.h>

#define MAX 24

static struct words w;
static char why[512];

/* Parse "prefork-interp" with these words. */
#define parse(...) parse_words((const char *[]){"prefork-interp", __VA_ARGS__, NULL})
static int parse_words(const char *const *words) {
	static char copies[MAX][512];
	static char *argv[MAX + 1];
	int argc = 0;

	for (; words[argc]; argc++) {
		snprintf(copies[argc], sizeof copies[argc], "%s", words[argc]);
		argv[argc] = copies[argc];
	}
	argv[argc] = NULL;
	why[0] = '\0';
	/* A client reads its words once; getopt(3) is told to begin again. */
	optind = 0;
	return words_parse(argc, argv, &w, why, sizeof why);
}

/* The parsed operands in one line: interpreter (its arguments) script: arguments. */
static const char *operands(void) {
	static char line[2048];

	snprintf(line, sizeof line, "%s (", w.interpreter ? w.interpreter : "none");
	for (int i = 0; i < w.interpreter_argument_count; i++)
		sprintf(line + strlen(line), "%s%s", i ? " " : "", w.interpreter_arguments[i]);
	sprintf(line + strlen(line), ") %s:", w.script ? w.script : "none");
	for (char **a = w.arguments; *a; a++)
		sprintf(line + strlen(line), " %s", *a);
	return line;
}

static void shebang(void) {
	ok(parse("-- python3", "/s", "a", "-f") == 0, "-- python3");
	is_string(operands(), "python3 () /s: a -f", "its operands");
	ok(parse("python3", "/s", "a") == 0, "python3");
	is_string(operands(), "python3 () /s: a", "its operands");
	ok(parse("-- perl -w", "/s", "--kill") == 0 && w.mode == WORDS_RUN, "-- perl -w");
	is_string(operands(), "perl (-w) /s: --kill", "its operands");
	ok(parse("--idle-timeout=60 -- python3 -O", "/s") == 0, "--idle-timeout=60 -- python3 -O");
	is_string(operands(), "python3 (-O) /s:", "its operands");
	is_string(w.idle_timeout, "60", "its time-out");
	ok(parse("perl -w x", "/s", "a") == 0, "an interpreter with an operand");
	is_string(operands(), "perl (-w x) /s: a", "it is no script");
	ok(parse("-U,perl,-w", "/s", "a") == 0 && w.unlaundered, "-U,perl,-w");
	is_string(operands(), "perl (-w) /s: a", "its operands");
	ok(parse("-U perl -w", "/s") == 0 && w.unlaundered, "-U perl -w");
	is_string(operands(), "perl (-w) /s:", "its operands");
	ok(parse("-U,-f -- perl", "/s") == 0 && w.unlaundered && w.fresh, "-U,-f -- perl");
	is_string(operands(), "perl () /s:", "its operands");
	ok(parse(" \t--  perl\t-w ", "/s") == 0, "many blanks");
	is_string(operands(), "perl (-w) /s:", "its operands");
}

static void env(void) {
	ok(parse("-- /usr/bin/env python3", "/s", "a") == 0 && w.env_words == 1, "env and an interpreter");
	is_string(operands(), "python3 () /s: a", "is that interpreter");
	ok(parse("-- /bin/env -S python3 -u", "/s", "a") == 0 && w.env_words == 2, "env -S and an interpreter's words");
	is_string(operands(), "python3 (-u) /s: a", "are that interpreter's");
	words_keep_env(&w);
	is_string(operands(), "/bin/env (-S python3 -u) /s: a", "and env can have them back");
	ok(parse("--idle-timeout=3 /usr/bin/env python3", "/s", "a") == 0 && w.env_words == 1, "behind options too");
	is_string(operands(), "python3 () /s: a", "its operands");
	ok(parse("/usr/bin/env", "python3", "/s") == 0 && w.env_words == 0, "not on a command line");
	for (const char *const *text =
	         (const char *const[]){"-- /usr/bin/env python3 -u", "-- /usr/bin/env -i python3", "-- /usr/bin/env A=b",
	                               "-- /usr/bin/env -S A=b python3", "-- /usr/bin/env -S 'python3'",
	                               "-- /usr/bin/env -S ${P} -u", "-- /usr/bin/env -S python3 #u",
	                               "-- /usr/bin/env -S -i x", "-- /usr/bin/env", "-- /usr/bin/env -S", "-- env python3",
	                               "-- /usr/bin/venv python3", NULL};
	     *text; text++)
		ok(parse(*text, "/s") == 0 && w.env_words == 0, "more, or something else: %s", *text);
}

static void command_line(void) {
	ok(parse("--", "perl", "-w", "-T", "s", "-x", "y") == 0, "a command line");
	is_string(operands(), "perl (-w -T) s: -x y", "the first that is no option is the script");
	ok(parse("perl", "-", "y") == 0, "- is a script");
	is_string(operands(), "perl () -: y", "its operands");
	ok(parse("perl") == 0 && !w.script, "no script");
	ok(parse("-E", "A", "-G", "b", "-E", "C", "perl", "s") == 0 && w.extra_count == 6, "-E and -G");
	ok(strcmp(w.extra[0], "E") == 0 && strcmp(w.extra[1], "A") == 0 && strcmp(w.extra[3], "b") == 0, "in their order");
	ok(parse("-g", "name", "--max-servers", "-1", "perl", "s") == 0, "-g and --max-servers");
	ok(strcmp(w.key_name, "name") == 0 && strcmp(w.max_servers, "-1") == 0, "their values");
	ok(parse("--kill", "perl", "s") == 0 && w.mode == WORDS_KILL, "--kill");
	ok(parse("--help") == 0 && w.mode == WORDS_HELP, "--help");
	ok(parse("--version") == 0 && w.mode == WORDS_VERSION, "--version");
	ok(parse("perl", "s", "--help") == 0 && w.mode == WORDS_RUN, "what follows the script is the script's");
}

/* No words but those: is it refused, with a line that says WORD? */
#define refused(word, ...)                                                                                             \
	ok(parse(__VA_ARGS__) < 0 && strstr(why, word) && !strchr(why, '\n'), "refused: %s: %s", #__VA_ARGS__, why)

static void wrong(void) {
	refused("--frob", "--frob", "perl", "s");
	refused("Z", "-Z", "perl", "s");
	refused("-G", "-G");
	refused("-g", "-g");
	refused("interpreter", "--");
	refused("interpreter", "-U");
	refused("60s", "--idle-timeout=60s", "perl", "s");
	refused("--idle-timeout", "--idle-timeout=", "perl", "s");
	refused("-", "--idle-timeout=-", "perl", "s");
	refused("99999999999", "--max-servers=99999999999", "perl", "s");
	refused("0", "--max-servers=0", "perl", "s");
	refused("--idle-timeout", "--idle-timeout");
	refused("--kill", "--kill=yes", "perl", "s");
}

int main(void) {
	shebang();
	env();
	command_line();
	wrong();
	return tap_end();
}
