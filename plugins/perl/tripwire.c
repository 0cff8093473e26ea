/* The tripwires as a whole, and those on variables: see tripwire.h. */
#include "tripwire.h"
#include "api.h"
#include "handles.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* More elements of @ARGV than these are not looked for one by one. */
#define ARGUMENTS 64
#define STANDARD 3
/* By F_SETSIG, which has no effect without O_ASYNC, an open file can be told from others of the same path. */
#define INPUT_MARK (SIGRTMIN + 5)

struct tripwire_settings tripwire_settings;

static int armed;
static struct tripwire_ends ends; /* NULLs: the script marks its boundary */
static char tripped[512];
static Time_t base_time;
static int on_directory;
static int on_umask, year_read;
static uint64_t signals_read;   /* bit N-1: signal N */
static unsigned terminals_read; /* bit N: descriptor N */
static HV *variables;           /* sets of names */
static HV *files, *written;     /* absolute paths */
static HV *modules;             /* names as in %INC */
static struct stat standard[STANDARD];

#define LOOKED "initialisation has looked at "

static void where(pTHX_ char *text, size_t size, const char *did, const char *what) {
	snprintf(text, size, "%s%s (%s line %lu)", did, what, CopFILE(PL_curcop), (unsigned long)CopLINE(PL_curcop));
}

int tripwire_is_marked(void) {
	return !ends.before;
}

void tripwire_act(pTHX_ const char *what) {
	char text[sizeof tripped];

	if (!armed || tripwire_is_marked())
		return;
	where(aTHX_ text, sizeof text, "", what);
	ends.before(aTHX_ text);
}

void tripwire_trip(pTHX_ const char *what) {
	char text[sizeof tripped];

	if (!armed || tripped[0])
		return;
	where(aTHX_ text, sizeof text, tripwire_is_marked() ? LOOKED : "looks at ", what);
	if (tripwire_is_marked())
		memcpy(tripped, text, sizeof text);
	else
		ends.before(aTHX_ text);
}

void tripwire_late(pTHX_ const char *what) {
	char text[sizeof tripped];

	if (!armed || tripwire_is_marked()) {
		tripwire_trip(aTHX_ what);
		return;
	}
	where(aTHX_ text, sizeof text, "looks at ", what);
	ends.after(aTHX_ text);
}

/* The same, found out at the end, when nobody knows where it was. */
static void found(const char *what) {
	if (!tripped[0])
		snprintf(tripped, sizeof tripped, LOOKED "%s", what);
}

/* A server has a directory and a umask of its own: there they can't be depended on. */
static int looks_in_vain(pTHX_ const char *what) {
	if (!armed || !ends.serving)
		return 0;
	tripwire_trip(aTHX_ what);
	return 1;
}

void tripwire_directory(pTHX) {
	if (!looks_in_vain(aTHX_ "the working directory") && armed && !tripwire_settings.directory)
		on_directory = 1;
}

static void add_name(pTHX_ HV **set, const char *name) {
	if (!*set)
		*set = newHV();
	(void)hv_store(*set, name, (I32)strlen(name), newSV(0), 0);
}

HV *tripwire_modules(void) {
	return modules;
}

const SV *tripwire_set(int number) {
	const HV *const sets[] = {variables, files, written, modules};

	return (const SV *)sets[number];
}

/* These are another one in nearly every call. */
static int is_of_shell(const char *variable) {
	static const char *const names[] = {"_", "COLUMNS", "LINES", "OLDPWD", "PWD", "SHLVL"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strEQ(variable, names[i]))
			return 1;
	return 0;
}

void tripwire_variable(pTHX_ const char *name) {
	if (!armed || strEQ(name, "PREFORK_INTERP"))
		return;
	if (!tripwire_is_marked() && is_of_shell(name))
		tripwire_trip(aTHX_ "a variable of its caller's shell");
	else
		add_name(aTHX_ & variables, name);
}

void tripwire_module(pTHX_ const char *name) {
	if (armed)
		add_name(aTHX_ & modules, name);
}

/* What the kernel makes up is never the same. */
static int is_made_up(const char *path) {
	return strnEQ(path, "/proc/", 6) || strnEQ(path, "/sys/", 5) || strnEQ(path, "/dev/", 5);
}

/* What is there of such a file is to stay the same: folders change too often for what is asked of them. */
static int is_watched(int how, int there, const struct stat *st) {
	if (!there)
		return 1;
	if (S_ISREG(st->st_mode))
		return how == TRIPWIRE_READ || !tripwire_is_marked();
	return S_ISDIR(st->st_mode) && how == TRIPWIRE_READ;
}

void tripwire_file(pTHX_ const char *path, int how) {
	char full[PATH_MAX];
	size_t n = 0;
	struct stat st;
	int there;

	if (how == TRIPWIRE_WRITE)
		tripwire_act(aTHX_ "changes files");
	if (!armed || !path[0])
		return;
	if (path[0] != '/') {
		if (how == TRIPWIRE_WRITE && !tripwire_settings.directory)
			tripwire_trip(aTHX_ "files in its working directory, and changed them");
		tripwire_directory(aTHX);
		if (!getcwd(full, sizeof full))
			return;
		n = strlen(full);
		full[n++] = '/';
	}
	if (n + strlen(path) >= sizeof full)
		return;
	memcpy(full + n, path, strlen(path) + 1);
	if (is_made_up(full)) {
		if (!tripwire_is_marked() && strNE(full, "/dev/null"))
			tripwire_trip(aTHX_ "a file that the kernel makes up");
		return;
	}
	if (how == TRIPWIRE_WRITE) {
		add_name(aTHX_ & written, full);
		return;
	}
	there = stat(full, &st) == 0;
	if (is_watched(how, there, &st))
		add_name(aTHX_ & files, full);
}

void tripwire_umask(pTHX) {
	/* Its own is no caller's. */
	if (!looks_in_vain(aTHX_ "the umask") && armed && !tripwire_settings.umask)
		on_umask = 1;
}

static int this_year(void) {
	time_t now = time(NULL);
	struct tm tm;

	return localtime_r(&now, &tm) ? tm.tm_year : 0;
}

void tripwire_year(void) {
	if (armed)
		year_read = this_year();
}

void tripwire_signal(pTHX_ int number) {
	if (!armed || number <= 0 || number > 64)
		return;
	if (tripwire_is_marked())
		signals_read |= (uint64_t)1 << (number - 1);
	else
		tripwire_trip(aTHX_ "what a signal does");
}

/* None is one in setup. */
void tripwire_terminal(pTHX_ int fd) {
	if (!armed || !tripwire_is_standard(fd))
		return;
	if (tripwire_is_marked())
		terminals_read |= fd < STANDARD ? 1u << fd : (1u << STANDARD) - 1;
	else
		tripwire_trip(aTHX_ "whether a handle is a terminal");
}

const char *tripwire_declines(void *context, const struct prefork_caller *caller) {
	PERL_UNUSED_ARG(context);
	if (caller->ignored & signals_read)
		return LOOKED "what a signal does that this caller ignores";
	if (caller->terminals & terminals_read)
		return LOOKED "whether a handle is a terminal, and this caller's is";
	if (year_read && year_read != this_year())
		return LOOKED "which year it is, and that has passed";
	return NULL;
}

/* ---- scalars that are computed when they are read: $$ and $^T ---- */

static const MAGIC *being_read; /* its magic may not be taken away */

static void read_scalar(pTHX_ const MAGIC *mg, const char *what) {
	being_read = mg;
	tripwire_trip(aTHX_ what);
	being_read = NULL;
}

static int read_process_id(pTHX_ SV *sv, MAGIC *mg) {
	PERL_UNUSED_ARG(sv);
	read_scalar(aTHX_ mg, "its process id");
	return 0;
}

static int read_base_time(pTHX_ SV *sv, MAGIC *mg) {
	PERL_UNUSED_ARG(sv);
	if (PL_basetime == base_time)
		read_scalar(aTHX_ mg, "the time of its start");
	return 0;
}

static struct scalar {
	const char *name;
	MGVTBL table;
	int is_ours; /* the script had not named it */
} scalars[] = {
	{"$", {read_process_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL}, 0},
	{"\024", {read_base_time, NULL, NULL, NULL, NULL, NULL, NULL, NULL}, 0},
};

#define SCALARS (sizeof scalars / sizeof *scalars)

static void arm_scalars(pTHX) {
	for (size_t i = 0; i < SCALARS; i++) {
		struct scalar *s = &scalars[i];
		GV *gv = gv_fetchpv(s->name, 0, SVt_PV);

		s->is_ours = !gv;
		gv = gv_fetchpv(s->name, GV_ADD, SVt_PV);
		sv_magicext(GvSVn(gv), NULL, PERL_MAGIC_ext, &s->table, NULL, 0);
	}
}

/* The names go too that nobody but us has used. */
static void disarm_scalars(pTHX) {
	for (size_t i = 0; i < SCALARS; i++) {
		struct scalar *s = &scalars[i];
		GV *gv = gv_fetchpv(s->name, 0, SVt_PV);

		if (!gv || (being_read && being_read->mg_virtual == &s->table))
			continue;
		sv_unmagicext(GvSVn(gv), PERL_MAGIC_ext, &s->table);
		if (s->is_ours && SvREFCNT(gv) == 1)
			(void)hv_delete(PL_defstash, s->name, 1, G_DISCARD);
	}
}

/* ---- @ARGV ---- */

static MGVTBL arguments_table, argument_table;

/* Make it what it seemed to be, and watch it no longer: another runtime than ours may have loaded the script. */
static void release_arguments(pTHX_ AV *av) {
	SSize_t count = AvFILLp(av) + 1, kept = 0;

	sv_unmagicext(MUTABLE_SV(av), PERL_MAGIC_ext, &arguments_table);
	for (SSize_t i = 0; i < count; i++) {
		SV *sv = AvARRAY(av)[i];

		AvARRAY(av)[i] = NULL;
		/* Ours are not freed: what perl creates next would get their places, in another order than in a fresh run,
		 * and by their places global variables are destroyed. */
		if (!sv || !SvMAGICAL(sv) || !mg_findext(sv, PERL_MAGIC_ext, &argument_table))
			AvARRAY(av)[kept++] = sv;
	}
	AvFILLp(av) = kept - 1;
}

/* The array seems empty, as setup's arguments are, and has elements all the same: fetching one that is not there
 * is noticed as well. */
static U32 arguments_length(pTHX_ SV *sv, MAGIC *mg) {
	PERL_UNUSED_ARG(mg);
	tripwire_late(aTHX_ "its arguments");
	release_arguments(aTHX_ MUTABLE_AV(sv));
	return (U32)AvFILLp(MUTABLE_AV(sv));
}

static int arguments_cleared(pTHX_ SV *sv, MAGIC *mg) {
	(void)arguments_length(aTHX_ sv, mg);
	return 0;
}

static int argument_touched(pTHX_ SV *sv, MAGIC *mg) {
	PERL_UNUSED_ARG(sv);
	PERL_UNUSED_ARG(mg);
	tripwire_late(aTHX_ "its arguments");
	return 0;
}

/* local @ARGV has nothing of this. */
static int arguments_local(pTHX_ SV *sv, MAGIC *mg) {
	PERL_UNUSED_CONTEXT;
	PERL_UNUSED_ARG(sv);
	PERL_UNUSED_ARG(mg);
	return 0;
}

static MGVTBL arguments_table = {NULL, NULL, arguments_length, arguments_cleared, NULL, NULL, NULL, arguments_local};
static MGVTBL argument_table = {argument_touched, argument_touched, NULL, NULL, NULL, NULL, NULL, arguments_local};

static void arm_arguments(pTHX) {
	AV *av = GvAVn(PL_argvgv);

	av_clear(av);
	for (int i = 0; i < ARGUMENTS; i++) {
		SV *sv = newSV(0);

		sv_magicext(sv, NULL, PERL_MAGIC_ext, &argument_table, NULL, 0)->mg_flags |= MGf_LOCAL;
		av_push(av, sv);
	}
	sv_magicext(MUTABLE_SV(av), NULL, PERL_MAGIC_ext, &arguments_table, NULL, 0)->mg_flags |= MGf_LOCAL;
}

static void disarm_arguments(pTHX) {
	AV *av = GvAVn(PL_argvgv);

	/* No longer watched, or with others of its own. */
	if (!mg_findext(MUTABLE_SV(av), PERL_MAGIC_ext, &arguments_table) || AvFILLp(av) != ARGUMENTS - 1)
		found("its arguments");
	release_arguments(aTHX_ av);
	if (AvFILLp(av) >= 0)
		found("its arguments");
}

/* ---- standard handles ---- */

static int is_input(int fd) {
	return fcntl(fd, F_GETSIG) == INPUT_MARK;
}

int tripwire_is_standard(int fd) {
	struct stat st;

	if (fd < 0)
		return 0;
	if (fd < STANDARD || is_input(fd))
		return 1;
	if (fstat(fd, &st) < 0)
		return 0;
	for (int i = STDOUT_FILENO; i < STANDARD; i++)
		if (st.st_ino == standard[i].st_ino && st.st_dev == standard[i].st_dev)
			return 1;
	return 0;
}

static void arm_handles(void) {
	fcntl(STDIN_FILENO, F_SETSIG, INPUT_MARK);
	for (int i = 0; i < STANDARD; i++)
		if (fstat(i, &standard[i]) < 0)
			standard[i].st_ino = 0;
}

/* Whoever has read has a buffer. */
static void look_at_handle(pTHX_ PerlIO *f) {
	if (!PerlIOValid(f) || !is_input(PerlIO_fileno(f)))
		return;
	for (PerlIOl **layer = f; *layer; layer = PerlIONext(layer)) {
		const PerlIO_funcs *table = PerlIOBase(layer)->tab;

		if (table && (table->kind & PERLIO_K_BUFFERED) && PerlIOSelf(layer, PerlIOBuf)->buf)
			found("standard input");
	}
}

static void disarm_handles(pTHX) {
	if (standard[STDIN_FILENO].st_ino && !is_input(STDIN_FILENO))
		found("another standard input than its own");
	handles_each(aTHX_ look_at_handle);
}

/* ---- the time zone ---- */

/* Whatever asks the C library for local time makes it set these names. */
static char no_zone[] = "";

static void arm_zone(void) {
	tzname[0] = no_zone;
}

static void disarm_zone(pTHX) {
	if (tzname[0] != no_zone)
		tripwire_variable(aTHX_ "TZ");
}

/* ---- all of them ---- */

HV *tripwire_variables(pTHX) {
	HV *values = newHV();
	HE *entry;

	if (variables)
		hv_iterinit(variables);
	while (variables && (entry = hv_iternext(variables))) {
		const char *value = getenv(HeKEY(entry));

		(void)hv_store(values, HeKEY(entry), HeKLEN(entry), value ? newSVpv(value, 0) : newSV(0), 0);
	}
	return values;
}

int tripwire_depend(pTHX_ struct prefork_error *error) {
	const HE *name;

	if (variables)
		hv_iterinit(variables);
	while (variables && (name = hv_iternext(variables)))
		if (prefork_server_depend_on_variable(HeKEY(name), error) < 0)
			return -1;
	if (files)
		hv_iterinit(files);
	while (files && (name = hv_iternext(files)))
		/* What it has written itself it would read so again. */
		if (!(written && hv_exists(written, HeKEY(name), HeKLEN(name))))
			(void)prefork_server_watch_file(HeKEY(name), error);
	if (on_directory)
		prefork_server_depend_on_directory();
	if (on_umask)
		prefork_server_depend_on_umask();
	return 0;
}

void tripwire_arm(pTHX_ const struct tripwire_ends *to) {
	if (armed)
		return;
	armed = 1;
	if (to)
		ends = *to;
	base_time = PL_basetime;
	arm_scalars(aTHX);
	arm_arguments(aTHX);
	arm_handles();
	arm_zone();
	operations_arm();
	functions_arm(aTHX);
	variables_arm(aTHX);
}

const char *tripwire_disarm(pTHX_ struct tripwire_settings *settings) {
	/* Numbers of functions such as List::Util's. */
	if (!tripwire_is_marked() && PL_srand_called)
		found("random numbers");
	disarm_handles(aTHX);
	disarm_arguments(aTHX);
	disarm_scalars(aTHX);
	disarm_zone(aTHX);
	operations_disarm();
	functions_disarm(aTHX);
	variables_disarm(aTHX);
	tripwire_settings.base_time = PL_basetime != base_time;
	*settings = tripwire_settings;
	armed = 0;
	return tripped[0] ? tripped : NULL;
}
