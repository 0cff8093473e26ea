/* Tripwires on functions of extensions: see tripwire.h.
 *
 * An extension defines its functions when it is started.  While the tripwires are armed we see that, and put ours in
 * the place of those below. */
#include "api.h"
#include "tripwire.h"

#define TIME "the time"
#define DIRECTORY "directory"
#define HANDLE "the type or state of a standard handle"
#define GROUP "its process group"

static const struct {
	const char *name, *what;
} watched[] = {
	{"Time::HiRes::time", TIME},
	{"Time::HiRes::gettimeofday", TIME},
	{"Time::HiRes::clock_gettime", TIME},
	{"Time::HiRes::clock", TIME},
	{"POSIX::clock", TIME},
	{"POSIX::times", TIME},
	{"Cwd::getcwd", DIRECTORY},
	{"Cwd::fastcwd", DIRECTORY},
	{"POSIX::getcwd", DIRECTORY},
	{"Internals::getcwd", DIRECTORY},
	{"POSIX::ttyname", HANDLE},
	{"POSIX::read", HANDLE},
	{"POSIX::tcgetpgrp", HANDLE},
	{"POSIX::Termios::getattr", HANDLE},
	{"POSIX::setsid", GROUP},
	{"POSIX::setpgid", GROUP},
};

#define WATCHED (sizeof watched / sizeof *watched)

/* A function whose place one of ours has. */
struct replaced {
	CV *cv;
	XSUBADDR_t original;
	const char *what; /* NULL: it starts an extension */
	struct replaced *next;
};

static struct replaced *replaced;

static const struct replaced *find(const CV *cv) {
	for (const struct replaced *r = replaced; r; r = r->next)
		if (r->cv == cv)
			return r;
	return NULL;
}

static void replace(pTHX_ CV *cv, XSUBADDR_t ours, const char *what) {
	struct replaced *r;

	if (!cv || !CvISXSUB(cv) || find(cv))
		return;
	Newx(r, 1, struct replaced);
	*r = (struct replaced){(CV *)SvREFCNT_inc((SV *)cv), CvXSUB(cv), what, replaced};
	replaced = r;
	CvXSUB(cv) = ours;
}

static void look_and_go_on(pTHX_ CV *cv) {
	const struct replaced *r = find(cv);

	if (strEQ(r->what, DIRECTORY))
		tripwire_directory();
	else
		tripwire_trip(aTHX_ r->what);
	r->original(aTHX_ cv);
}

static void replace_watched(pTHX) {
	for (size_t i = 0; i < WATCHED; i++)
		replace(aTHX_ get_cv(watched[i].name, 0), look_and_go_on, watched[i].what);
}

static void start_extension(pTHX_ CV *cv) {
	find(cv)->original(aTHX_ cv);
	replace_watched(aTHX);
}

/* What has been loaded is given a function that starts it. */
static void load_extension(pTHX_ CV *cv) {
	const struct replaced *r = find(cv);
	CV *starter;

	r->original(aTHX_ cv);
	if (!SvROK(*PL_stack_sp) || SvTYPE(SvRV(*PL_stack_sp)) != SVt_PVCV)
		return;
	starter = MUTABLE_CV(SvRV(*PL_stack_sp));
	replace(aTHX_ starter, start_extension, NULL);
}

void functions_arm(pTHX) {
	replace(aTHX_ get_cv("DynaLoader::dl_install_xsub", 0), load_extension, NULL);
	replace_watched(aTHX);
}

void functions_disarm(pTHX) {
	while (replaced) {
		struct replaced *r = replaced;

		replaced = r->next;
		CvXSUB(r->cv) = r->original;
		SvREFCNT_dec((SV *)r->cv);
		Safefree(r);
	}
}
