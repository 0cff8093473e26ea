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

static void look_at_path(pTHX_ SV *sv, int how) {
	if (SvPOK(sv))
		tripwire_file(aTHX_ SvPVX(sv), how);
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
	if (MAXARG < 1 || GIMME_V != G_VOID)
		tripwire_umask();
	if (MAXARG > 0)
		tripwire_settings.umask = 1;
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
	else if (PL_op->op_type == OP_FTTTY)
		tripwire_trip(aTHX_ "a terminal");
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
		tripwire_directory();
	tripwire_settings.directory = 1;
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
		if (!strpbrk(mode, "|&=-"))
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
	{OP_FTTTY, look_test},          {OP_FTRREAD, look_test},
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
};

#define WATCHED (sizeof watched / sizeof *watched)

static OP *look_and_go_on(pTHX) {
	int type = PL_op->op_type;

	for (size_t i = 0; armed && i < WATCHED; i++)
		if (watched[i].type == type)
			watched[i].look(aTHX);
	return original[type](aTHX);
}

void operations_arm(void) {
	armed = 1;
	for (size_t i = 0; i < WATCHED; i++) {
		original[watched[i].type] = PL_ppaddr[watched[i].type];
		PL_ppaddr[watched[i].type] = look_and_go_on;
	}
}

void operations_disarm(void) {
	armed = 0;
	for (size_t i = 0; i < WATCHED; i++)
		PL_ppaddr[watched[i].type] = original[watched[i].type];
}
