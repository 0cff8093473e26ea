/* stdin, stdout and stderr of an executor.
 *
 * Tcl decides at the first use of a standard channel what it is: terminal, socket or file, with that kind's
 * translation, and remembers end of file and unread input.  Setup's channels are on files of the launcher's, so they
 * are let go at the boundary and made anew on the caller's descriptors; but only if they were made at all, else Tcl
 * does it when it first needs them. */
#define _GNU_SOURCE
#include "runtime.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STANDARD_CHANNELS 3

/* The table of an interpreter's channels; there is one from the first use of any channel on. */
#define CHANNEL_TABLE "tclIO"

static struct standard {
	int type;
	int direction;
	const char *name;
	const char *buffering;
	const char *translation; /* of a file */
	struct stat file;        /* what the descriptor was when the package was loaded */
	int translated;          /* the script has set -translation */
	Tcl_Obj *options;        /* that the script has set: names and values in turn */
	char *pending;           /* what was written and not flushed */
	int pending_length;
} standard[STANDARD_CHANNELS] = {
	{.type = TCL_STDIN, .direction = TCL_READABLE, .name = "stdin", .buffering = "line", .translation = "auto"},
	{.type = TCL_STDOUT, .direction = TCL_WRITABLE, .name = "stdout", .buffering = "line", .translation = "lf"},
	{.type = TCL_STDERR, .direction = TCL_WRITABLE, .name = "stderr", .buffering = "none", .translation = "lf"},
};

/* What each interpreter had of them. */
static struct user {
	int registered[STANDARD_CHANNELS];
	Tcl_Obj *handler[STANDARD_CHANNELS]; /* of file events, or NULL */
} * users;

static int in_use; /* Tcl had made the channels when initialisation was complete */

void channels_adopt(void) {
	for (int i = 0; i < STANDARD_CHANNELS; i++)
		if (fstat(i, &standard[i].file) < 0)
			standard[i].file = (struct stat){0};
}

/* Tcl sets no option, not even to what it is, while it copies from or to CHANNEL in the background. */
static int is_being_copied(Tcl_Channel channel) {
	Tcl_DString value;
	int code;

	Tcl_DStringInit(&value);
	code = Tcl_GetChannelOption(NULL, channel, "-buffering", &value);
	if (code == TCL_OK)
		code = Tcl_SetChannelOption(NULL, channel, "-buffering", Tcl_DStringValue(&value));
	Tcl_DStringFree(&value);
	return code != TCL_OK;
}

/* Is CHANNEL what Tcl made of descriptor NUMBER, and that still the file that it was? */
static int is_original(Tcl_Channel channel, int number) {
	const struct stat *was = &standard[number].file;
	ClientData handle;
	struct stat is;

	if (!channel || Tcl_GetStackedChannel(Tcl_GetTopChannel(channel)) ||
	    Tcl_GetChannelHandle(channel, standard[number].direction, &handle) != TCL_OK || (intptr_t)handle != number)
		return 0;
	return fstat(number, &is) == 0 && is.st_dev == was->st_dev && is.st_ino == was->st_ino;
}

/* Keep the options in which CHANNEL differs from one of its kind that nobody has touched. */
static void remember_options(struct standard *s, Tcl_Channel channel) {
	const struct {
		const char *name;
		const char *value;
	} untouched[] = {
		{"-blocking", "1"},      {"-buffering", s->buffering},
		{"-buffersize", "4096"}, {"-encoding", Tcl_GetEncodingName(NULL)},
		{"-eofchar", ""},        {"-translation", s->translated ? "" : s->translation},
	};

	s->options = Tcl_NewListObj(0, NULL);
	Tcl_IncrRefCount(s->options);
	for (size_t i = 0; i < sizeof untouched / sizeof *untouched; i++) {
		Tcl_DString value;

		Tcl_DStringInit(&value);
		if (Tcl_GetChannelOption(NULL, channel, untouched[i].name, &value) == TCL_OK &&
		    strcmp(Tcl_DStringValue(&value), untouched[i].value) != 0) {
			Tcl_ListObjAppendElement(NULL, s->options, Tcl_NewStringObj(untouched[i].name, -1));
			Tcl_ListObjAppendElement(NULL, s->options, Tcl_NewStringObj(Tcl_DStringValue(&value), -1));
		}
		Tcl_DStringFree(&value);
	}
}

/* `fileevent CHANNEL readable|writable`, with the handler to set or NULL to ask for the present one. */
static int file_event(Tcl_Interp *interp, const struct standard *s, Tcl_Obj *handler) {
	return runtime_call(interp, Tcl_NewStringObj("::fileevent", -1), Tcl_NewStringObj(s->name, -1),
	                    Tcl_NewStringObj(s->direction == TCL_READABLE ? "readable" : "writable", -1), handler);
}

/* Note what INTERP has of channel NUMBER, and take it away. */
static void take_from(Tcl_Interp *interp, struct user *user, int number, Tcl_Channel channel) {
	Tcl_InterpState state = Tcl_SaveInterpState(interp, TCL_OK);

	user->registered[number] =
		Tcl_GetAssocData(interp, CHANNEL_TABLE, NULL) && Tcl_IsChannelRegistered(interp, channel);
	if (user->registered[number]) {
		if (file_event(interp, &standard[number], NULL) == TCL_OK && *Tcl_GetStringResult(interp)) {
			user->handler[number] = Tcl_GetObjResult(interp);
			Tcl_IncrRefCount(user->handler[number]);
		}
		Tcl_UnregisterChannel(interp, channel);
	}
	Tcl_RestoreInterpState(interp, state);
}

/* What came into the file SCRATCH is what CHANNEL had not flushed. */
static void keep_pending(struct standard *s, int scratch) {
	off_t length = lseek(scratch, 0, SEEK_END);

	if (length <= 0)
		return;
	s->pending = ckalloc((unsigned)length);
	s->pending_length = (int)pread(scratch, s->pending, (size_t)length, 0);
}

/* Let go of channel NUMBER.  That writes out what it has not flushed, and closes the descriptor: so another file has
 * its number then. */
static int take(const struct interpreters *all, int number) {
	Tcl_Channel channel = Tcl_GetStdChannel(standard[number].type);
	int scratch = memfd_create("prefork-pending", MFD_CLOEXEC);
	int original = fcntl(number, F_DUPFD_CLOEXEC, STANDARD_CHANNELS);

	if (scratch < 0 || original < 0 || dup2(scratch, number) < 0)
		return -1;
	Tcl_Flush(channel);
	keep_pending(&standard[number], scratch);
	/* Tcl closes a standard channel when but one has it, while an interpreter may still be asked. */
	Tcl_RegisterChannel(NULL, channel);
	for (int i = 0; i < all->count; i++)
		take_from(all->at[i], &users[i], number, channel);
	Tcl_UnregisterChannel(NULL, channel);
	/* Not just empty: Tcl would put the next channel that is opened in the place of one that was closed. */
	Tcl_SetStdChannel(NULL, standard[number].type);
	dup2(original, number);
	close(original);
	close(scratch);
	return 0;
}

int channels_take(const struct interpreters *all) {
	for (int i = 0; i < all->count; i++)
		in_use |= Tcl_GetAssocData(all->at[i], CHANNEL_TABLE, NULL) != NULL;
	if (!in_use)
		return TCL_OK;
	users = (struct user *)ckalloc((unsigned)all->count * sizeof *users);
	memset(users, 0, (size_t)all->count * sizeof *users);
	for (int i = 0; i < STANDARD_CHANNELS; i++) {
		struct standard *s = &standard[i];
		Tcl_Channel channel = Tcl_GetStdChannel(s->type);

		if (!is_original(channel, i) || is_being_copied(channel))
			return runtime_error(all->at[0], "CHANNEL", s->name,
			                     "initialisation has closed or replaced a standard channel, or copies from or to it");
		s->translated = notes_translated(i);
		remember_options(s, channel);
	}
	for (int i = 0; i < STANDARD_CHANNELS; i++)
		if (take(all, i) < 0)
			return runtime_error(all->at[0], "CHANNEL", standard[i].name, Tcl_PosixError(all->at[0]));
	return TCL_OK;
}

int channels_take_later(const struct interpreters *all) {
	if (in_use)
		return TCL_OK;
	channels_adopt();
	return channels_take(all);
}

/* What Tcl does at the first use of a standard channel. */
static Tcl_Channel make(const struct interpreters *all, int number) {
	const struct standard *s = &standard[number];
	Tcl_Channel channel = Tcl_MakeFileChannel((ClientData)(intptr_t)number, s->direction);
	int is_file;

	if (!channel)
		return NULL;
	is_file = strcmp(Tcl_ChannelName(Tcl_GetChannelType(channel)), "file") == 0;
	Tcl_SetChannelOption(NULL, channel, "-translation", is_file ? "auto" : "auto crlf");
	Tcl_SetChannelOption(NULL, channel, "-buffering", s->buffering);
	Tcl_SetStdChannel(channel, s->type);
	Tcl_RegisterChannel(NULL, channel);
	for (int i = 0; i < all->count; i++)
		if (users[i].registered[number])
			Tcl_RegisterChannel(all->at[i], channel);
	return channel;
}

/* What the script has done to it in setup. */
static void adapt(const struct interpreters *all, int number, Tcl_Channel channel) {
	Tcl_Obj **option;
	int count;

	if (Tcl_ListObjGetElements(NULL, standard[number].options, &count, &option) == TCL_OK)
		for (int i = 0; i + 1 < count; i += 2)
			Tcl_SetChannelOption(NULL, channel, Tcl_GetString(option[i]), Tcl_GetString(option[i + 1]));
	for (int i = 0; i < all->count; i++)
		if (users[i].handler[number])
			file_event(all->at[i], &standard[number], users[i].handler[number]);
}

/* Setup's output is as it came out of setup's channel, whose translation was a file's unless the script has set one.
 * FLUSHED had been flushed.  0, or -1 with errno. */
static int write_again(const struct standard *s, Tcl_Channel channel, const char *flushed, size_t length) {
	Tcl_DString buffering, translation;
	int result = 0;

	if (!length && !s->pending_length)
		return 0;
	Tcl_DStringInit(&buffering);
	Tcl_DStringInit(&translation);
	Tcl_GetChannelOption(NULL, channel, "-buffering", &buffering);
	Tcl_GetChannelOption(NULL, channel, "-translation", &translation);
	Tcl_SetChannelOption(NULL, channel, "-buffering", "full");
	if (s->translated)
		Tcl_SetChannelOption(NULL, channel, "-translation", "lf");
	if ((length && (Tcl_Write(channel, flushed, (int)length) < 0 || Tcl_Flush(channel) != TCL_OK)) ||
	    (s->pending_length && Tcl_Write(channel, s->pending, s->pending_length) < 0))
		result = -1;
	Tcl_SetChannelOption(NULL, channel, "-translation", Tcl_DStringValue(&translation));
	Tcl_SetChannelOption(NULL, channel, "-buffering", Tcl_DStringValue(&buffering));
	Tcl_DStringFree(&translation);
	Tcl_DStringFree(&buffering);
	return result;
}

/* The first thing that tclsh does: where a standard descriptor is closed it opens the null device. */
static void open_missing(unsigned closed) {
	for (int i = 0; i < STANDARD_CHANNELS; i++) {
		int descriptor;

		if (!(closed >> i & 1))
			continue;
		descriptor = open("/dev/null", i == 0 ? O_RDONLY : O_WRONLY); /* NOLINT: a child of tclsh inherits it */
		if (descriptor >= 0 && descriptor != i) {
			dup2(descriptor, i);
			close(descriptor);
		}
	}
}

/* What programs that setup has run have written, where the script itself has not. */
static void write_directly(const char *bytes, size_t length) {
	ssize_t n;

	for (size_t done = 0; done < length; done += (size_t)n)
		if ((n = write(STDOUT_FILENO, bytes + done, length - done)) < 0)
			return;
}

int channels_install(const struct interpreters *all, const struct prefork_call *call) {
	Tcl_Interp *interp = all->at[0];
	int code = TCL_OK;

	if (call)
		open_missing(call->closed);
	if (call && !in_use)
		write_directly(call->setup_output, call->setup_output_length);
	for (int i = 0; i < STANDARD_CHANNELS && in_use; i++) {
		Tcl_Channel channel = make(all, i);
		int is_stdout = standard[i].type == TCL_STDOUT;

		if (!channel || !call)
			continue;
		adapt(all, i, channel);
		if (write_again(&standard[i], channel, is_stdout ? call->setup_output : NULL,
		                is_stdout ? call->setup_output_length : 0) < 0) {
			Tcl_SetObjResult(interp,
			                 Tcl_ObjPrintf("error writing \"%s\": %s", standard[i].name, Tcl_PosixError(interp)));
			code = TCL_ERROR;
		}
	}
	return code;
}
