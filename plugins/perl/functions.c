/* Tripwires on functions of extensions: see tripwire.h.
 *
 * An extension defines its functions when it is started.  While the tripwires are armed we see that, and put ours in
 * the place of those below. */
#include "api.h"
#include "tripwire.h"

#define TIME "the time"
#define HANDLE "the type or state of a standard handle"
#define GROUP "its process group"
#define NETWORK "asks the network"
#define FILES "changes files"
#define PROCESS "deals with processes"
#define SLEEPS "sleeps, or sets a timer"

static void look_directory(pTHX_ const char *what) {
	PERL_UNUSED_ARG(what);
	tripwire_directory(aTHX);
}

/* Of a path that begins at the root it is not asked. */
static void look_real_path(pTHX_ const char *what) {
	SV **first = PL_stack_base + TOPMARK + 1;

	PERL_UNUSED_ARG(what);
	if (first > PL_stack_sp || !SvPOK(*first) || SvPVX(*first)[0] != '/')
		tripwire_directory(aTHX);
}

static const struct watched {
	const char *name;
	void (*look)(pTHX_ const char *what);
	const char *what;
} watched[] = {
	{"Cwd::abs_path", look_real_path, NULL},
	{"Cwd::fastcwd", look_directory, NULL},
	{"Cwd::getcwd", look_directory, NULL},
	{"File::Glob::bsd_glob", tripwire_act, "looks for files"},
	{"File::Glob::bsd_glob_override", tripwire_act, "looks for files"},
	{"File::Glob::csh_glob", tripwire_act, "looks for files"},
	{"File::Glob::glob", tripwire_act, "looks for files"},
	{"IO::Handle::blocking", tripwire_act, "changes a handle"},
	{"Internals::getcwd", look_directory, NULL},
	{"POSIX::_exit", tripwire_act, "ends"},
	{"POSIX::access", tripwire_act, "looks for files"},
	{"POSIX::clock", tripwire_trip, TIME},
	{"POSIX::close", tripwire_act, "closes a descriptor"},
	{"POSIX::ctermid", tripwire_act, "asks for the terminal"},
	{"POSIX::dup", tripwire_act, "opens a descriptor"},
	{"POSIX::dup2", tripwire_act, "opens a descriptor"},
	{"POSIX::getcwd", look_directory, NULL},
	{"POSIX::lseek", tripwire_act, "moves in a file"},
	{"POSIX::mkfifo", tripwire_act, FILES},
	{"POSIX::nice", tripwire_act, PROCESS},
	{"POSIX::open", tripwire_act, "opens a descriptor"},
	{"POSIX::pause", tripwire_act, SLEEPS},
	{"POSIX::pipe", tripwire_act, "opens a descriptor"},
	{"POSIX::read", tripwire_trip, HANDLE},
	{"POSIX::setgid", tripwire_act, PROCESS},
	{"POSIX::setpgid", tripwire_trip, GROUP},
	{"POSIX::setsid", tripwire_trip, GROUP},
	{"POSIX::setuid", tripwire_act, PROCESS},
	{"POSIX::sigpending", tripwire_act, "asks for signals"},
	{"POSIX::sigprocmask", tripwire_act, "asks for signals"},
	{"POSIX::sigsuspend", tripwire_act, SLEEPS},
	{"POSIX::tcgetpgrp", tripwire_trip, HANDLE},
	{"POSIX::tcsetpgrp", tripwire_act, PROCESS},
	{"POSIX::Termios::getattr", tripwire_trip, HANDLE},
	{"POSIX::Termios::setattr", tripwire_act, "changes a handle"},
	{"POSIX::times", tripwire_trip, TIME},
	{"POSIX::ttyname", tripwire_trip, HANDLE},
	{"POSIX::write", tripwire_act, "prints"},
	{"Socket::getaddrinfo", tripwire_act, NETWORK},
	{"Socket::getnameinfo", tripwire_act, NETWORK},
	{"Socket::inet_aton", tripwire_act, NETWORK},
	{"Sys::Hostname::ghname", tripwire_act, NETWORK},
	{"Time::HiRes::alarm", tripwire_act, SLEEPS},
	{"Time::HiRes::clock", tripwire_trip, TIME},
	{"Time::HiRes::clock_gettime", tripwire_trip, TIME},
	{"Time::HiRes::clock_nanosleep", tripwire_act, SLEEPS},
	{"Time::HiRes::getitimer", tripwire_act, SLEEPS},
	{"Time::HiRes::gettimeofday", tripwire_trip, TIME},
	{"Time::HiRes::lstat", tripwire_act, "looks for files"},
	{"Time::HiRes::nanosleep", tripwire_act, SLEEPS},
	{"Time::HiRes::setitimer", tripwire_act, SLEEPS},
	{"Time::HiRes::sleep", tripwire_act, SLEEPS},
	{"Time::HiRes::stat", tripwire_act, "looks for files"},
	{"Time::HiRes::time", tripwire_trip, TIME},
	{"Time::HiRes::ualarm", tripwire_act, SLEEPS},
	{"Time::HiRes::usleep", tripwire_act, SLEEPS},
	{"Time::HiRes::utime", tripwire_act, FILES},
	{"threads::create", tripwire_act, "starts a thread"},
	{"threads::new", tripwire_act, "starts a thread"},
};

#define WATCHED (sizeof watched / sizeof *watched)

/* A function whose place one of ours has. */
struct replaced {
	CV *cv;
	XSUBADDR_t original;
	const struct watched *watched; /* NULL: it starts an extension */
	struct replaced *next;
};

static struct replaced *replaced;

static const struct replaced *find(const CV *cv) {
	for (const struct replaced *r = replaced; r; r = r->next)
		if (r->cv == cv)
			return r;
	return NULL;
}

static void replace(pTHX_ CV *cv, XSUBADDR_t ours, const struct watched *by) {
	struct replaced *r;

	if (!cv || !CvISXSUB(cv) || find(cv))
		return;
	Newx(r, 1, struct replaced);
	*r = (struct replaced){(CV *)SvREFCNT_inc((SV *)cv), CvXSUB(cv), by, replaced};
	replaced = r;
	CvXSUB(cv) = ours;
}

static void look_and_go_on(pTHX_ CV *cv) {
	const struct replaced *r = find(cv);
	const XSUBADDR_t original = r->original; /* R is gone when it ends in a boundary */

	r->watched->look(aTHX_ r->watched->what);
	original(aTHX_ cv);
}

static void replace_watched(pTHX) {
	for (size_t i = 0; i < WATCHED; i++)
		replace(aTHX_ get_cv(watched[i].name, 0), look_and_go_on, &watched[i]);
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

/* It is started anew when its functions are missing. */
static void start_loader(pTHX_ CV *cv) {
	find(cv)->original(aTHX_ cv);
	replace(aTHX_ get_cv("DynaLoader::dl_install_xsub", 0), load_extension, NULL);
}

void functions_arm(pTHX) {
	replace(aTHX_ get_cv("DynaLoader::boot_DynaLoader", 0), start_loader, NULL);
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
