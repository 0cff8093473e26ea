/* Tripwires on perl's operations: see tripwire.h.
 *
 * An operation is compiled with the address of its function.  While the tripwires are armed the ones below get ours,
 * which looks at the operands and goes on to perl's; afterwards it only goes on. */
#include "api.h"
#include "tripwire.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static int armed;
static Perl_ppaddr_t original[MAXO];

/* ---- operands ---- */

/* The handle that SV is or refers to; NULL where it is something else. */
static IO *handle_of(SV *sv) {
	if (SvROK(sv))
		sv = SvRV(sv);
	if (isGV_with_GP(sv))
		return GvIO((GV *)sv);
	return SvTYPE(sv) == SVt_PVIO ? (IO *)sv : NULL;
}

static void look_at_handle(pTHX_ IO *io) {
	if (io && IoIFP(io) && tripwire_is_standard(PerlIO_fileno(IoIFP(io))))
		tripwire_trip(aTHX_ "the type or state of a standard handle");
}

static int is_standard(pTHX_ IO *io) {
	return io && ((IoIFP(io) && tripwire_is_standard(PerlIO_fileno(IoIFP(io)))) ||
	              (IoOFP(io) && tripwire_is_standard(PerlIO_fileno(IoOFP(io)))));
}

static void look_at_path(pTHX_ SV *sv, int how) {
	if (SvPOK(sv))
		tripwire_file(aTHX_ SvPVX(sv), how);
	else if (SvOK(sv)) /* an object that becomes a path */
		tripwire_act(aTHX_ "looks for files");
}

/* ---- operations, by what they look at ---- */

static void look_time(pTHX) {
	tripwire_trip(aTHX_ "the time");
}

static void look_now(pTHX) {
	static const char harmless[] = "/Time/Local.pm";
	const char *file = CopFILE(PL_curcop);
	size_t n = file ? strlen(file) : 0;

	if (MAXARG > 0)
		return;
	/* Much uses this module, which when it is loaded looks which year it is. */
	if (n >= sizeof harmless && strEQ(file + n - (sizeof harmless - 1), harmless))
		tripwire_year();
	else
		look_time(aTHX);
}

static void look_parent(pTHX) {
	tripwire_trip(aTHX_ "its parent process");
}

static void look_group(pTHX) {
	tripwire_trip(aTHX_ "its process group");
}

static void look_umask(pTHX) {
	if (MAXARG > 0 && !tripwire_is_marked())
		tripwire_trip(aTHX_ "what umask it is to have");
	if (MAXARG < 1 || GIMME_V != G_VOID)
		tripwire_umask(aTHX);
	if (MAXARG > 0)
		tripwire_settings.umask = 1;
}

/* A database of the system's, as nsswitch.conf(5) has them, and the files that it may come from. */
struct database {
	const char *name, *file, *compiled;
};

/* Do all answers come from files, and from what the system makes up? */
static int is_of_files(const struct database *database) {
	static const char *const sources[] = {"files", "db", "compat", "systemd"};
	FILE *file = fopen("/etc/nsswitch.conf", "re");
	char line[1024], *word, *rest;
	int unknown = file == NULL;

	while (file && fgets(line, sizeof line, file)) {
		word = strtok_r(line, ": \t\n", &rest);
		if (!word || strNE(word, database->name))
			continue;
		while ((word = strtok_r(NULL, " \t\n", &rest))) {
			size_t i = 0;

			while (i < sizeof sources / sizeof *sources && strNE(word, sources[i]))
				i++;
			unknown |= i == sizeof sources / sizeof *sources;
		}
	}
	if (file)
		fclose(file);
	return !unknown;
}

static void look_in(pTHX_ const struct database *database) {
	if (!is_of_files(database)) {
		if (!tripwire_is_marked())
			tripwire_trip(aTHX_ "users, services or protocols");
		return;
	}
	tripwire_file(aTHX_ "/etc/nsswitch.conf", TRIPWIRE_READ);
	tripwire_file(aTHX_ database->file, TRIPWIRE_READ);
	tripwire_file(aTHX_ database->compiled, TRIPWIRE_TEST);
}

static void look_users(pTHX) {
	look_in(aTHX_ & (struct database){"passwd", "/etc/passwd", "/var/lib/misc/passwd.db"});
}

static void look_groups(pTHX) {
	look_in(aTHX_ & (struct database){"group", "/etc/group", "/var/lib/misc/group.db"});
}

static void look_protocols(pTHX) {
	look_in(aTHX_ & (struct database){"protocols", "/etc/protocols", "/var/lib/misc/protocols.db"});
}

static void look_services(pTHX) {
	look_in(aTHX_ & (struct database){"services", "/etc/services", "/var/lib/misc/services.db"});
}

static void look_srand(pTHX) {
	PERL_UNUSED_CONTEXT;
	tripwire_settings.seeded = MAXARG > 0;
}

static int is_of_content(pTHX) {
	return PL_op->op_type == OP_STAT || PL_op->op_type == OP_LSTAT || PL_op->op_type == OP_FTSIZE;
}

/* stat and the file tests: of the handle that the operation names, or of what is on the stack. */
static void look_test(pTHX) {
	SV *operand = *PL_stack_sp;

	if (PL_op->op_flags & OPf_REF) {
		if (cGVOP_gv != PL_defgv)
			look_at_handle(aTHX_ GvIO(cGVOP_gv));
		return;
	}
	if (handle_of(operand))
		look_at_handle(aTHX_ handle_of(operand));
	else
		look_at_path(aTHX_ operand, is_of_content(aTHX) ? TRIPWIRE_READ : TRIPWIRE_TEST);
}

/* Operations with a handle: as the last, the first, the second and the third operand from the end. */
static void look_top_handle(pTHX) {
	look_at_handle(aTHX_ handle_of(*PL_stack_sp));
}

static void look_marked_handle(pTHX) {
	SV **first = PL_stack_base + TOPMARK + 1;

	if (first <= PL_stack_sp)
		look_at_handle(aTHX_ handle_of(*first));
}

static void look_second_handle(pTHX) {
	look_at_handle(aTHX_ handle_of(PL_stack_sp[-1]));
}

static void look_third_handle(pTHX) {
	look_at_handle(aTHX_ handle_of(PL_stack_sp[-2]));
}

/* select with four operands; three times undef is a way to sleep. */
static void look_select(pTHX) {
	for (int i = 1; i <= 3; i++)
		if (SvOK(PL_stack_sp[-i]))
			tripwire_trip(aTHX_ "the readiness of handles");
}

/* -t: of a handle, its name, or a number. */
static void look_terminal(pTHX) {
	SV *operand = *PL_stack_sp;
	IO *io = PL_op->op_flags & OPf_REF ? GvIO(cGVOP_gv) : handle_of(operand);

	if (!io && !(PL_op->op_flags & OPf_REF) && SvOK(operand) && !SvROK(operand)) {
		const char *name = SvPV_nolen(operand);
		GV *gv = gv_fetchpv(name, 0, SVt_PVIO);

		if (*name >= '0' && *name <= '2' && !name[1])
			tripwire_terminal(aTHX_ * name - '0');
		io = gv ? GvIO(gv) : NULL;
	}
	if (io && IoIFP(io))
		tripwire_terminal(aTHX_ PerlIO_fileno(IoIFP(io)));
}

/* Made or removed: a fresh run does it in each caller's directory. */
static void change_path(pTHX_ SV *sv) {
	if (SvPOK(sv))
		tripwire_file(aTHX_ SvPVX(sv), TRIPWIRE_WRITE);
}

static void look_made(pTHX) {
	change_path(aTHX_ PL_op->op_type == OP_MKDIR && MAXARG > 1 ? PL_stack_sp[-1] : *PL_stack_sp);
}

static void look_renamed(pTHX) {
	change_path(aTHX_ PL_stack_sp[-1]);
	change_path(aTHX_ * PL_stack_sp);
}

static void look_removed(pTHX) {
	for (SV **path = PL_stack_base + TOPMARK + 1; path <= PL_stack_sp; path++)
		change_path(aTHX_ * path);
}

static void look_folder(pTHX) {
	look_at_path(aTHX_ * PL_stack_sp, TRIPWIRE_READ);
}

static void look_link(pTHX) {
	look_at_path(aTHX_ * PL_stack_sp, TRIPWIRE_TEST);
}

/* The folder that the pattern looks into first. */
static void look_glob(pTHX) {
	const char *pattern = SvPOK(*PL_stack_sp) ? SvPVX(*PL_stack_sp) : "";
	size_t n = strcspn(pattern, "*?[{~ \t\n");
	char folder[PATH_MAX];

	while (n > 0 && pattern[n - 1] != '/')
		n--;
	snprintf(folder, sizeof folder, "%.*s", (int)n, n > 0 ? pattern : "");
	tripwire_file(aTHX_ n > 0 ? folder : ".", TRIPWIRE_READ);
}

static void look_chdir(pTHX) {
	if (MAXARG > 0 && SvPOK(*PL_stack_sp) && SvPVX(*PL_stack_sp)[0] != '/')
		tripwire_directory(aTHX);
	tripwire_settings.directory = 1;
}

/* A reference to what a handle in memory reads and writes. */
static int is_string(SV *sv) {
	return SvROK(sv) && !SvOBJECT(SvRV(sv)) && SvTYPE(SvRV(sv)) < SVt_PVAV && !isGV_with_GP(SvRV(sv));
}

/* In two operands a mode stands before the path, or a command beside it. */
static void look_open(pTHX) {
	SV **first = PL_stack_base + TOPMARK + 1, **last = PL_stack_sp;
	const char *mode;
	int how;

	if (last - first < 1 || !SvPOK(first[1]))
		return;
	mode = SvPVX(first[1]);
	how = strpbrk(mode, ">+") ? TRIPWIRE_WRITE : TRIPWIRE_READ;
	if (last - first >= 2) {
		if (!strpbrk(mode, "|&=-") && !is_string(first[2]))
			look_at_path(aTHX_ first[2], how);
		return;
	}
	while (*mode && strchr("+<> \t\n", *mode))
		mode++;
	if (!strpbrk(mode, "|&") && strNE(mode, "-"))
		tripwire_file(aTHX_ mode, how);
}

/* sysopen: handle, path, mode. */
static void look_sysopen(pTHX) {
	SV **first = PL_stack_base + TOPMARK + 1;

	if (PL_stack_sp > first + 1)
		look_at_path(aTHX_ first[1], SvIV(first[2]) & O_ACCMODE ? TRIPWIRE_WRITE : TRIPWIRE_READ);
}

/* ---- what may only be done in a script that marks its boundary ---- */

static void act_print(pTHX) {
	SV **first = PL_stack_base + TOPMARK + 1;
	IO *io = PL_op->op_flags & OPf_STACKED ? handle_of(*first) : PL_defoutgv ? GvIO(PL_defoutgv) : NULL;

	if (is_standard(aTHX_ io))
		tripwire_act(aTHX_ "prints");
}

static void act_write(pTHX) {
	SV **first = PL_stack_base + TOPMARK + 1;

	if (first <= PL_stack_sp && is_standard(aTHX_ handle_of(*first)))
		tripwire_act(aTHX_ "prints");
}

static void act_close(pTHX) {
	IO *io = MAXARG == 0 ? (PL_defoutgv ? GvIO(PL_defoutgv) : NULL) : handle_of(*PL_stack_sp);

	if (is_standard(aTHX_ io))
		tripwire_act(aTHX_ "closes a standard handle");
}

static void look_readline(pTHX) {
	SV *operand = *PL_stack_sp;

	if (operand == MUTABLE_SV(PL_argvgv))
		tripwire_act(aTHX_ "reads what its arguments name");
	else if (operand)
		look_at_handle(aTHX_ handle_of(operand));
}

static void look_append_line(pTHX) {
	look_at_handle(aTHX_ GvIO(cGVOP_gv));
}

/* Without an operand: standard input, or the handle that was read last. */
static void look_character(pTHX) {
	if (MAXARG == 0 || !*PL_stack_sp)
		tripwire_act(aTHX_ "reads standard input");
	else
		look_readline(aTHX);
}

/* Is nothing opened but a file for reading, or a string? */
static int only_reads(SV *const *first, SV *const *last) {
	const char *mode = last - first > 0 && SvPOK(first[1]) ? SvPVX(first[1]) : "|";

	if (last - first == 1) {
		mode += strspn(mode, " \t\n");
		return !strpbrk(mode, "|>&+") && strNE(mode, "-");
	}
	if (strpbrk(mode, "|&") || last - first != 2)
		return 0;
	if (is_string(first[2]))
		return 1;
	mode += strspn(mode, " \t\n");
	return *mode == '<' && SvPOK(first[2]);
}

static void act_open(pTHX) {
	SV **first = PL_stack_base + TOPMARK + 1;

	if (first > PL_stack_sp || !only_reads(first, PL_stack_sp))
		tripwire_act(aTHX_ "opens more than a file to read");
	else if (is_standard(aTHX_ handle_of(*first)))
		tripwire_act(aTHX_ "puts a file in a standard handle's place");
}

static void act_sysopen(pTHX) {
	SV **first = PL_stack_base + TOPMARK + 1;

	if (PL_stack_sp <= first + 1 || !SvPOK(first[1]) || SvIV(first[2]) & (O_ACCMODE | O_CREAT | O_TRUNC))
		tripwire_act(aTHX_ "opens more than a file to read");
	else if (is_standard(aTHX_ handle_of(*first)))
		tripwire_act(aTHX_ "puts a file in a standard handle's place");
}

/* caller: of what is loaded ahead it is a sub of ours. */
static void act_caller(pTHX) {
	I32 level = MAXARG > 0 && SvOK(*PL_stack_sp) ? (I32)SvIV(*PL_stack_sp) : 0;
	const PERL_CONTEXT *frame = level >= 0 ? caller_cx(level, NULL) : NULL;

	if (frame && CopFILE(frame->blk_oldcop) && strstr(CopFILE(frame->blk_oldcop), "/Proc/Prefork/Interp/Unmarked.pm"))
		tripwire_act(aTHX_ "looks at who loads it");
}

/* A version is a number. */
static void look_require(pTHX) {
	SV *operand = *PL_stack_sp;
	const char *name = SvPOK(operand) && !SvVOK(operand) ? SvPVX(operand) : NULL;

	if (!name)
		return;
	if (*name == '/' || strnEQ(name, "./", 2) || strnEQ(name, "../", 3))
		tripwire_file(aTHX_ name, TRIPWIRE_READ);
	else
		tripwire_module(aTHX_ name);
}

static const struct {
	int type;
	void (*look)(pTHX);
	const char *what;
} acts[] = {
	{OP_PRINT, act_print, NULL},
	{OP_SAY, act_print, NULL},
	{OP_PRTF, act_print, NULL},
	{OP_SYSWRITE, act_write, NULL},
	{OP_SEND, act_write, NULL},
	{OP_ENTERWRITE, NULL, "prints"},
	{OP_CLOSE, act_close, NULL},
	{OP_READLINE, look_readline, NULL},
	{OP_RCATLINE, look_append_line, NULL},
	{OP_GETC, look_character, NULL},
	{OP_EOF, look_character, NULL},
	{OP_READ, look_marked_handle, NULL},
	{OP_RECV, look_marked_handle, NULL},
	{OP_OPEN, act_open, NULL},
	{OP_SYSOPEN, act_sysopen, NULL},
	{OP_CALLER, act_caller, NULL},
	{OP_REQUIRE, look_require, NULL},
	{OP_DOFILE, look_require, NULL},
	{OP_EXIT, NULL, "exits"},
	{OP_SYSTEM, NULL, "starts a process"},
	{OP_EXEC, NULL, "starts a process"},
	{OP_BACKTICK, NULL, "starts a process"},
	{OP_FORK, NULL, "starts a process"},
	{OP_WAIT, NULL, "waits for processes"},
	{OP_WAITPID, NULL, "waits for processes"},
	{OP_KILL, NULL, "sends a signal"},
	{OP_GETPRIORITY, NULL, "looks at its priority"},
	{OP_SETPRIORITY, NULL, "sets a priority"},
	{OP_ALARM, NULL, "sets a timer"},
	{OP_SLEEP, NULL, "sleeps"},
	{OP_SSELECT, NULL, "sleeps"},
	{OP_RAND, NULL, "draws random numbers"},
	{OP_SRAND, NULL, "draws random numbers"},
	{OP_PIPE_OP, NULL, "opens a pipe"},
	{OP_SOCKET, NULL, "opens a socket"},
	{OP_SOCKPAIR, NULL, "opens a socket"},
	{OP_CHDIR, NULL, "changes its directory"},
	{OP_CHROOT, NULL, "changes its root"},
	{OP_MKDIR, NULL, "changes files"},
	{OP_RMDIR, NULL, "changes files"},
	{OP_RENAME, NULL, "changes files"},
	{OP_LINK, NULL, "changes files"},
	{OP_SYMLINK, NULL, "changes files"},
	{OP_UNLINK, NULL, "changes files"},
	{OP_CHMOD, NULL, "changes files"},
	{OP_CHOWN, NULL, "changes files"},
	{OP_UTIME, NULL, "changes files"},
	{OP_TRUNCATE, NULL, "changes files"},
	{OP_DBMOPEN, NULL, "changes files"},
	{OP_SYSCALL, NULL, "calls the system"},
	{OP_IOCTL, NULL, "calls the system"},
	{OP_FLOCK, NULL, "locks a file"},
	{OP_SHMGET, NULL, "shares memory"},
	{OP_SHMCTL, NULL, "shares memory"},
	{OP_SHMREAD, NULL, "shares memory"},
	{OP_SHMWRITE, NULL, "shares memory"},
	{OP_MSGGET, NULL, "sends messages"},
	{OP_MSGCTL, NULL, "sends messages"},
	{OP_MSGSND, NULL, "sends messages"},
	{OP_MSGRCV, NULL, "sends messages"},
	{OP_SEMGET, NULL, "uses semaphores"},
	{OP_SEMCTL, NULL, "uses semaphores"},
	{OP_SEMOP, NULL, "uses semaphores"},
	{OP_GHBYNAME, NULL, "asks the network"},
	{OP_GHBYADDR, NULL, "asks the network"},
	{OP_GHOSTENT, NULL, "asks the network"},
	{OP_GNBYNAME, NULL, "asks the network"},
	{OP_GNBYADDR, NULL, "asks the network"},
	{OP_GNETENT, NULL, "asks the network"},
	{OP_GPROTOENT, NULL, "asks the network"},
	{OP_GSERVENT, NULL, "asks the network"},
	{OP_GPWENT, NULL, "looks for users"},
	{OP_GGRENT, NULL, "looks for users"},
	{OP_GETLOGIN, NULL, "looks for users"},
};

/* ---- what is noticed ---- */

static const struct {
	int type;
	void (*look)(pTHX);
} watched[] = {
	{OP_TIME, look_time},           {OP_TMS, look_time},
	{OP_LOCALTIME, look_now},       {OP_GMTIME, look_now},
	{OP_FTMTIME, look_time},        {OP_FTATIME, look_time},
	{OP_FTCTIME, look_time},        {OP_GETPPID, look_parent},
	{OP_GETPGRP, look_group},       {OP_SETPGRP, look_group},
	{OP_UMASK, look_umask},         {OP_SRAND, look_srand},
	{OP_GPWNAM, look_users},        {OP_GPWUID, look_users},
	{OP_GGRNAM, look_groups},       {OP_GGRGID, look_groups},
	{OP_GPBYNAME, look_protocols},  {OP_GPBYNUMBER, look_protocols},
	{OP_GSBYNAME, look_services},   {OP_GSBYPORT, look_services},
	{OP_FTTTY, look_terminal},      {OP_FTRREAD, look_test},
	{OP_FTRWRITE, look_test},       {OP_FTREXEC, look_test},
	{OP_FTEREAD, look_test},        {OP_FTEWRITE, look_test},
	{OP_FTEEXEC, look_test},        {OP_FTIS, look_test},
	{OP_FTSIZE, look_test},         {OP_FTROWNED, look_test},
	{OP_FTEOWNED, look_test},       {OP_FTZERO, look_test},
	{OP_FTSOCK, look_test},         {OP_FTCHR, look_test},
	{OP_FTBLK, look_test},          {OP_FTFILE, look_test},
	{OP_FTDIR, look_test},          {OP_FTPIPE, look_test},
	{OP_FTSUID, look_test},         {OP_FTSGID, look_test},
	{OP_FTSVTX, look_test},         {OP_FTLINK, look_test},
	{OP_FTTEXT, look_test},         {OP_FTBINARY, look_test},
	{OP_STAT, look_test},           {OP_LSTAT, look_test},
	{OP_TELL, look_top_handle},     {OP_SYSREAD, look_marked_handle},
	{OP_SEEK, look_third_handle},   {OP_SYSSEEK, look_third_handle},
	{OP_IOCTL, look_third_handle},  {OP_FCNTL, look_third_handle},
	{OP_FLOCK, look_second_handle}, {OP_SSELECT, look_select},
	{OP_CHDIR, look_chdir},         {OP_OPEN, look_open},
	{OP_SYSOPEN, look_sysopen},     {OP_OPEN_DIR, look_folder},
	{OP_GLOB, look_glob},           {OP_READLINK, look_link},
	{OP_MKDIR, look_made},          {OP_RMDIR, look_made},
	{OP_RENAME, look_renamed},      {OP_LINK, look_renamed},
	{OP_SYMLINK, look_renamed},     {OP_UNLINK, look_removed},
};

#define ACTS (sizeof acts / sizeof *acts)
#define WATCHED (sizeof watched / sizeof *watched)

/* By operation: one past the place in each table. */
static unsigned char act_of[MAXO], watch_of[MAXO];

static void look(pTHX_ int type) {
	int act = act_of[type];

	if (act && acts[act - 1].look)
		acts[act - 1].look(aTHX);
	else if (act)
		tripwire_act(aTHX_ acts[act - 1].what);
	if (armed && watch_of[type])
		watched[watch_of[type] - 1].look(aTHX);
}

static OP *look_and_go_on(pTHX) {
	int type = PL_op->op_type;

	if (armed)
		look(aTHX_ type);
	return original[type](aTHX);
}

static void replace(int type) {
	if (PL_ppaddr[type] == look_and_go_on)
		return;
	original[type] = PL_ppaddr[type];
	PL_ppaddr[type] = look_and_go_on;
}

void operations_arm(void) {
	armed = 1;
	for (size_t i = 0; i < WATCHED; i++) {
		watch_of[watched[i].type] = (unsigned char)(i + 1);
		replace(watched[i].type);
	}
	for (size_t i = 0; !tripwire_is_marked() && i < ACTS; i++) {
		act_of[acts[i].type] = (unsigned char)(i + 1);
		replace(acts[i].type);
	}
}

void operations_disarm(void) {
	armed = 0;
	for (int type = 0; type < MAXO; type++)
		if (original[type])
			PL_ppaddr[type] = original[type];
}
