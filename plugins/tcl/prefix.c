/* Which of a script's first commands only define: see prefix.h.
 *
 * Nothing is evaluated here.  A command counts when it is of the table below and each of its words is a literal, or
 * made of variables and of commands that only compute.  What such a command does in the end, by a package's file or by
 * a procedure that the script has put in the place of a command, is the tripwires' to see. */
#include "prefix.h"

#include <ctype.h>
#include <string.h>

/* In the words of a definition, or in a condition; a name with a blank is an ensemble's subcommand.  Those that look at
 * files, packages or variables see the same in each call, or the tripwires see them. */
static const char *const computing[] = {
	"concat",
	"dict create",
	"dict exists",
	"dict get",
	"file dirname",
	"file executable",
	"file exists",
	"file extension",
	"file isdirectory",
	"file isfile",
	"file join",
	"file normalize",
	"file readable",
	"file rootname",
	"file split",
	"file tail",
	"format",
	"info commands",
	"info exists",
	"info library",
	"info nameofexecutable",
	"info patchlevel",
	"info procs",
	"info script",
	"info sharedlibextension",
	"info tclversion",
	"join",
	"lindex",
	"linsert",
	"list",
	"llength",
	"lrange",
	"lsearch",
	"lsort",
	"namespace current",
	"namespace exists",
	"namespace qualifiers",
	"namespace tail",
	"namespace which",
	"package present",
	"package provide",
	"package require",
	"package vcompare",
	"package versions",
	"package vsatisfies",
	"set",
	"split",
	"string compare",
	"string equal",
	"string first",
	"string index",
	"string is",
	"string last",
	"string length",
	"string map",
	"string match",
	"string range",
	"string repeat",
	"string tolower",
	"string toupper",
	"string trim",
	"string trimleft",
	"string trimright",
	NULL,
};

/* Which words of a command are scripts, whose commands are looked at too. */
enum bodies { NONE, SECOND, LAST, BRANCHES /* of `if`, behind its conditions */ };

/* The number of words that each may have: least and most, 0 for any. */
static const struct definition {
	const char *name;
	int least;
	int most;
	enum bodies bodies;
} definitions[] = {
	{"append", 3, 0, NONE},
	{"array set", 4, 4, NONE},
	{"catch", 2, 4, SECOND},
	{"dict append", 4, 0, NONE},
	{"dict lappend", 4, 0, NONE},
	{"dict set", 5, 0, NONE},
	{"foreach", 4, 4, LAST},
	{"global", 2, 0, NONE},
	{"if", 3, 0, BRANCHES},
	{"incr", 2, 3, NONE},
	{"interp alias", 6, 0, NONE},
	{"lappend", 3, 0, NONE},
	{"load", 2, 3, NONE},
	{"namespace ensemble", 3, 0, NONE},
	{"namespace eval", 4, 4, LAST},
	{"namespace export", 2, 0, NONE},
	{"namespace import", 3, 0, NONE},
	{"namespace path", 4, 4, NONE},
	{"oo::class create", 3, 4, NONE},
	{"oo::define", 3, 0, NONE},
	{"package provide", 4, 4, NONE},
	{"package require", 3, 0, NONE},
	{"proc", 4, 4, NONE},
	{"set", 3, 3, NONE},
	{"source", 2, 4, NONE},
	{"tcl::tm::path add", 4, 0, NONE},
	{"unset", 2, 0, NONE},
	{"variable", 2, 0, NONE},
};

/* Where one of these stands before it, a package that is required later might be another than the one found ahead, or
 * its being there already might be seen. */
static const char *const deciding[] = {
	"TCLLIBPATH",      "auto_path",      "ifneeded",      "info commands", "info loaded",
	"info procs",      "interp",         "load",          "namespace ch",  "namespace ex",
	"namespace which", "package forget", "package names", "package p",     "package unknown",
	"package v",       "rename",         "source",        "tm::",          NULL,
};

static int defines_only(const char *text, int length);

static const Tcl_Token *next_word(const Tcl_Token *word) {
	return word + 1 + word->numComponents;
}

static int is_literal(const Tcl_Token *word) {
	return word->type == TCL_TOKEN_SIMPLE_WORD;
}

/* Is the literal WORD this text?  For a command's name, which may be spelt from the root on. */
static int word_is(const Tcl_Token *word, const char *text, size_t length) {
	const char *start = word[1].start;
	size_t size = (size_t)word[1].size;

	if (!is_literal(word))
		return 0;
	if (size > 2 && memcmp(start, "::", 2) == 0) {
		start += 2;
		size -= 2;
	}
	return size == length && memcmp(start, text, length) == 0;
}

/* Does the command begin with the words of NAME? */
static int command_is(const Tcl_Parse *parse, const char *name) {
	size_t first = strcspn(name, " ");

	if (!word_is(parse->tokenPtr, name, first))
		return 0;
	if (!name[first])
		return 1;
	return parse->numWords > 1 && word_is(next_word(parse->tokenPtr), name + first + 1, strlen(name + first + 1));
}

static int words_compute(const Tcl_Parse *parse);
static int bodies_define(const Tcl_Parse *parse, enum bodies bodies);

static int command_computes(const Tcl_Parse *parse) {
	if (parse->numWords == 0 || !words_compute(parse))
		return 0;
	if (command_is(parse, "catch"))
		return bodies_define(parse, SECOND);
	for (size_t i = 0; computing[i]; i++)
		if (command_is(parse, computing[i]))
			return 1;
	return 0;
}

/* The script between the brackets of a word. */
static int script_computes(const char *text, int length) {
	int result = 1;

	while (result && length > 0) {
		Tcl_Parse parse;
		const char *end;

		if (Tcl_ParseCommand(NULL, text, length, 0, &parse) != TCL_OK)
			return 0;
		result = command_computes(&parse);
		end = parse.commandStart + parse.commandSize;
		Tcl_FreeParse(&parse);
		length -= (int)(end - text);
		text = end;
	}
	return result;
}

static int token_computes(const Tcl_Token *token) {
	switch (token->type) {
	case TCL_TOKEN_TEXT:
	case TCL_TOKEN_BS:
	case TCL_TOKEN_VARIABLE: /* the parts of an array's index are looked at by themselves */
		return 1;
	case TCL_TOKEN_COMMAND:
		return script_computes(token->start + 1, token->size - 2);
	default:
		return 0;
	}
}

static int words_compute(const Tcl_Parse *parse) {
	const Tcl_Token *word = parse->tokenPtr;

	for (int i = 0; i < parse->numWords; i++, word = next_word(word)) {
		if (is_literal(word))
			continue;
		if (word->type != TCL_TOKEN_WORD)
			return 0;
		for (int j = 1; j <= word->numComponents; j++)
			if (!token_computes(&word[j]))
				return 0;
	}
	return 1;
}

static int condition_computes(const Tcl_Token *word) {
	Tcl_Parse parse;
	int result = 1;

	if (!is_literal(word) || Tcl_ParseExpr(NULL, word[1].start, word[1].size, &parse) != TCL_OK)
		return 0;
	for (int i = 0; i < parse.numTokens && result; i++)
		if (parse.tokenPtr[i].type == TCL_TOKEN_COMMAND)
			result = token_computes(&parse.tokenPtr[i]);
	Tcl_FreeParse(&parse);
	return result;
}

static int body_defines(const Tcl_Token *word) {
	return is_literal(word) && defines_only(word[1].start, word[1].size);
}

/* if CONDITION ?then? BODY ?elseif CONDITION ?then? BODY ...? ??else? BODY? */
static int branches_define(const Tcl_Parse *parse) {
	const Tcl_Token *word = parse->tokenPtr;
	int condition = 1;

	for (int i = 1; i < parse->numWords; i++) {
		word = next_word(word);
		if (condition ? !condition_computes(word)
		              : !word_is(word, "then", 4) && !word_is(word, "else", 4) && !word_is(word, "elseif", 6) &&
		                    !body_defines(word))
			return 0;
		condition = !condition && word_is(word, "elseif", 6);
	}
	return 1;
}

static int bodies_define(const Tcl_Parse *parse, enum bodies bodies) {
	const Tcl_Token *word = parse->tokenPtr;
	int at = bodies == SECOND ? 1 : parse->numWords - 1;

	if (bodies == NONE || bodies == BRANCHES)
		return bodies == NONE || branches_define(parse);
	for (int i = 0; i < at; i++)
		word = next_word(word);
	return at > 0 && body_defines(word);
}

static int defines(const Tcl_Parse *parse) {
	for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++) {
		const struct definition *d = &definitions[i];

		if (!command_is(parse, d->name))
			continue;
		if (parse->numWords < d->least || (d->most && parse->numWords > d->most) || !words_compute(parse))
			return 0;
		return bodies_define(parse, d->bodies);
	}
	return 0;
}

static int defines_only(const char *text, int length) {
	while (length > 0) {
		Tcl_Parse parse;
		const char *end;
		int good;

		if (Tcl_ParseCommand(NULL, text, length, 0, &parse) != TCL_OK)
			return 0;
		good = parse.numWords == 0 || defines(&parse);
		end = parse.commandStart + parse.commandSize;
		Tcl_FreeParse(&parse);
		if (!good)
			return 0;
		length -= (int)(end - text);
		text = end;
	}
	return 1;
}

static void add(Tcl_Obj ***list, int **places, int *count, Tcl_Obj *object, int place) {
	*list = (Tcl_Obj **)ckrealloc((char *)*list, (unsigned)(*count + 1) * sizeof **list);
	*places = (int *)ckrealloc((char *)*places, (unsigned)(*count + 1) * sizeof **places);
	(*places)[*count] = place;
	(*list)[(*count)++] = object;
	Tcl_IncrRefCount(object);
}

static int mentions(const char *text, int length, const char *what) {
	size_t n = strlen(what);

	for (int i = 0; i + (int)n <= length; i++)
		if (memcmp(text + i, what, n) == 0)
			return 1;
	return 0;
}

static int decides(const char *text, int length) {
	for (size_t i = 0; deciding[i]; i++)
		if (mentions(text, length, deciding[i]))
			return 1;
	return 0;
}

/* The words of `package require` when all are literal, else NULL. */
static Tcl_Obj *requirement(const Tcl_Parse *parse) {
	const Tcl_Token *word = parse->tokenPtr;
	Tcl_Obj *list;

	if (parse->numWords < 3 || !command_is(parse, "package require"))
		return NULL;
	list = Tcl_NewListObj(0, NULL);
	for (int i = 0; i < parse->numWords; i++, word = next_word(word)) {
		if (!is_literal(word)) {
			Tcl_DecrRefCount(list);
			return NULL;
		}
		Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(word[1].start, word[1].size));
	}
	return list;
}

void prefix_find(struct prefix *p, Tcl_Obj *script) {
	int ahead = 1, length;
	const char *text = Tcl_GetStringFromObj(script, &length), *first = text;

	p->text = script;
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		length -= 3;
	}
	while (length > 0) {
		Tcl_Parse parse;
		Tcl_Obj *package;
		const char *end;
		int start;

		if (Tcl_ParseCommand(NULL, text, length, 0, &parse) != TCL_OK)
			return;
		ahead = ahead && (parse.numWords == 0 || defines(&parse));
		package = ahead || parse.numWords == 0 ? NULL : requirement(&parse);
		start = (int)(parse.commandStart - first);
		end = parse.commandStart + parse.commandSize;
		if (ahead && parse.numWords > 0)
			add(&p->commands, &p->ends, &p->count, Tcl_NewStringObj(parse.commandStart, parse.commandSize),
			    (int)(end - first));
		Tcl_FreeParse(&parse);
		if (package)
			add(&p->packages, &p->starts, &p->package_count, package, start);
		else if (!ahead && decides(parse.commandStart, parse.commandSize))
			return;
		length -= (int)(end - text);
		text = end;
	}
}

Tcl_Obj *prefix_requirement(const struct prefix *p, int from) {
	int length;
	const char *text = Tcl_GetStringFromObj(p->text, &length), *at = text + from;
	Tcl_Obj *result = NULL;

	while (at < text + length && !result) {
		Tcl_Parse parse;
		int words;

		if (Tcl_ParseCommand(NULL, at, (int)(text + length - at), 0, &parse) != TCL_OK)
			return NULL;
		words = parse.numWords;
		at = parse.commandStart + parse.commandSize;
		result = words > 0 ? requirement(&parse) : NULL;
		Tcl_FreeParse(&parse);
		if (words > 0)
			break;
	}
	return result;
}

static int in_name(char c) {
	return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

int prefix_names(const struct prefix *p, int from, int to, const char *name_space) {
	const char *text = Tcl_GetString(p->text), *end = text + to, *at = text + from;
	size_t n = strlen(name_space);

	for (; (at = strstr(at, name_space)) && at + n <= end; at++)
		if ((at == text || !in_name(at[-1])) && !in_name(at[n]))
			return 1;
	return 0;
}
