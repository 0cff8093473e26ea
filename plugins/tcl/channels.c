/* stdin, stdout and stderr of an executor.
 *
 * Tcl decides at the first use of a standard channel what it is: terminal, socket or file, with that kind's
 * translation, and remembers end of file and unread input.  Setup's channels are on /dev/null and setup's output, so
 * they are made anew on the caller's descriptors; but only if they were made at all, else Tcl does it when it first
 * needs them. */
#include "runtime.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
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
	int closed_by_script;
	Tcl_Obj *options; /* that the script has set: names and values in turn */
	Tcl_Obj *handler; /* the script's file event handler, or NULL */
} standard[STANDARD_CHANNELS] = {
	{.type = TCL_STDIN, .direction = TCL_READABLE, .name = "stdin", .buffering = "line", .translation = "auto"},
	{.type = TCL_STDOUT, .direction = TCL_WRITABLE, .name = "stdout", .buffering = "line", .translation = "lf"},
	{.type = TCL_STDERR, .direction = TCL_WRITABLE, .name = "stderr", .buffering = "none", .translation = "lf"},
};

static int in_use; /* Tcl had made the channels when initialisation was complete */

void channels_adopt(void) {
	for (int i = 0; i < STANDARD_CHANNELS; i++)
		if (fstat(i, &standard[i].file) < 0)
			standard[i].file = (struct stat){0};
}

void channels_flush(Tcl_Interp *interp) {
	Tcl_Obj *names;
	Tcl_Obj **name;
	int count;

	if (!Tcl_GetAssocData(interp, CHANNEL_TABLE, NULL) || Tcl_GetChannelNames(interp) != TCL_OK)
		return;
	names = Tcl_GetObjResult(interp);
	Tcl_IncrRefCount(names);
	Tcl_ResetResult(interp);
	if (Tcl_ListObjGetElements(NULL, names, &count, &name) == TCL_OK) {
		for (int i = 0; i < count; i++) {
			int mode;
			Tcl_Channel channel = Tcl_GetChannel(interp, Tcl_GetString(name[i]), &mode);

			if (channel && (mode & TCL_WRITABLE))
				Tcl_Flush(channel);
		}
	}
	Tcl_DecrRefCount(names);
}

/* Is CHANNEL what Tcl made of descriptor NUMBER, and that still the file that it was? */
static int is_original(Tcl_Channel channel, int number) {
	const struct stat *was = &standard[number].file;
	ClientData handle;
	struct stat is;

	if (Tcl_GetStackedChannel(Tcl_GetTopChannel(channel)) ||
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
		{"-eofchar", ""},        {"-translation", s->translation},
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

/* The command `fileevent CHANNEL readable|writable`, with the handler to set or NULL to ask for the present one. */
static int file_event(Tcl_Interp *interp, const struct standard *s, Tcl_Obj *handler) {
	Tcl_Obj *words[] = {
		Tcl_NewStringObj("::fileevent", -1),
		Tcl_NewStringObj(s->name, -1),
		Tcl_NewStringObj(s->direction == TCL_READABLE ? "readable" : "writable", -1),
		handler,
	};
	int count = handler ? 4 : 3, code;

	for (int i = 0; i < count; i++)
		Tcl_IncrRefCount(words[i]);
	code = Tcl_EvalObjv(interp, count, words, TCL_EVAL_GLOBAL);
	for (int i = 0; i < count; i++)
		Tcl_DecrRefCount(words[i]);
	return code;
}

int channels_remember(Tcl_Interp *interp) {
	in_use = Tcl_GetAssocData(interp, CHANNEL_TABLE, NULL) != NULL;
	for (int i = 0; in_use && i < STANDARD_CHANNELS; i++) {
		struct standard *s = &standard[i];
		Tcl_Channel channel = Tcl_GetStdChannel(s->type);

		s->closed_by_script = channel == NULL;
		if (!channel)
			continue;
		if (!is_original(channel, i))
			return runtime_error(interp, "CHANNEL", s->name,
			                     "initialisation_complete: a standard channel was replaced");
		remember_options(s, channel);
		if (Tcl_IsChannelRegistered(interp, channel) && file_event(interp, s, NULL) == TCL_OK &&
		    *Tcl_GetStringResult(interp)) {
			s->handler = Tcl_GetObjResult(interp);
			Tcl_IncrRefCount(s->handler);
		}
		Tcl_ResetResult(interp);
	}
	return TCL_OK;
}

/* Let go of setup's channel NUMBER.  That closes the descriptor, but it is the caller's by now and stays. */
static void drop(Tcl_Interp *interp, int number) {
	Tcl_Channel channel = Tcl_GetStdChannel(standard[number].type);
	int descriptor = fcntl(number, F_DUPFD_CLOEXEC, STANDARD_CHANNELS);

	if (channel && Tcl_IsChannelRegistered(interp, channel))
		Tcl_UnregisterChannel(interp, channel);
	/* Not just empty: Tcl would put the next channel that is opened in the place of one that was closed. */
	Tcl_SetStdChannel(NULL, standard[number].type);
	if (descriptor >= 0) {
		dup2(descriptor, number);
		close(descriptor);
	}
}

/* What Tcl does at the first use of a standard channel. */
static Tcl_Channel make(Tcl_Interp *interp, int number) {
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
	Tcl_RegisterChannel(interp, channel);
	return channel;
}

/* What the script has done to it in setup. */
static void adapt(Tcl_Interp *interp, struct standard *s, Tcl_Channel channel) {
	Tcl_Obj **option;
	int count;

	if (Tcl_ListObjGetElements(NULL, s->options, &count, &option) == TCL_OK)
		for (int i = 0; i + 1 < count; i += 2)
			Tcl_SetChannelOption(NULL, channel, Tcl_GetString(option[i]), Tcl_GetString(option[i + 1]));
	if (s->handler)
		file_event(interp, s, s->handler);
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

void channels_install(Tcl_Interp *interp, unsigned closed) {
	open_missing(closed);
	if (!in_use)
		return;
	for (int i = 0; i < STANDARD_CHANNELS; i++)
		drop(interp, i);
	for (int i = 0; i < STANDARD_CHANNELS; i++) {
		Tcl_Channel channel = make(interp, i);

		if (channel && !standard[i].closed_by_script)
			adapt(interp, &standard[i], channel);
	}
	for (int i = 0; i < STANDARD_CHANNELS; i++) {
		Tcl_Channel channel = Tcl_GetStdChannel(standard[i].type);

		if (channel && standard[i].closed_by_script)
			Tcl_UnregisterChannel(interp, channel);
	}
}
