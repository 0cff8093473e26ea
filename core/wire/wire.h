/* What travels on a call socket: numbers and limits of protocols 1 and 2.
 *
 * docs/prefork-interp-protocol.7 is the specification; this header is its constants.
 * Numbers are never reused.  All integers on the wire are big-endian. */
#ifndef PREFORK_WIRE_H
#define PREFORK_WIRE_H

/* Greeting, both protocols: "PFI\n", then a be32 length and that many bytes of capability data.
 * A server that greets with length 0 speaks protocol 1; protocol 2 is offered by a WIRE_CAP_PROTOCOL field. */
#define WIRE_BANNER "PFI\n"
#define WIRE_BANNER_LEN 4
#define WIRE_GREETING_HEAD 8 /* banner and length */

/* Protocol 2 messages: be32 type, be32 length of the payload, payload.
 * The payload is fields: be16 tag, be16 zero, be32 length, value. */
#define WIRE_MESSAGE_HEAD 8
#define WIRE_FIELD_HEAD 8

/* A receiver skips a field that it does not know, unless the tag has this bit: then it refuses the message. */
#define WIRE_MANDATORY 0x8000u

enum wire_message {
	/* client to server */
	WIRE_REQUEST = 1, /* run the script: the only message that carries descriptors */
	WIRE_SIGNAL = 2,  /* deliver a signal to the executor */
	WIRE_CONTROL = 3, /* instead of WIRE_REQUEST: report, drain, quit */
	WIRE_AWAKE = 4,   /* the client, which had stopped itself, goes on */
	WIRE_PARTED = 5,  /* the client, told STARTED, has left its process group, or can't */
	/* server to client */
	WIRE_DECLINED = 65,  /* nothing has run, and why; the client may go elsewhere */
	WIRE_STATUS = 66,    /* the executor's wait status; the last message of a call */
	WIRE_STOPPED = 67,   /* the executor was stopped by a signal */
	WIRE_CONTINUED = 68, /* the executor was continued */
	WIRE_REPORT = 69,    /* the answer to WIRE_CONTROL */
	WIRE_STARTED = 70,   /* in the caller's session: the executor is in the client's process group */
};

enum wire_field {
	/* capability data of the greeting */
	WIRE_CAP_PROTOCOL = 1, /* be32: the highest protocol spoken */

	/* WIRE_REQUEST */
	WIRE_DESCRIPTORS = 16 | WIRE_MANDATORY, /* be32 each: the number that the descriptor sent at this place gets;
	                                           WIRE_FD_CWD for the working directory */
	WIRE_SCRIPT = 17 | WIRE_MANDATORY,      /* one NUL-terminated string: argv[0], as the caller spelt it */
	WIRE_ARGUMENTS = 18 | WIRE_MANDATORY,   /* NUL-terminated strings */
	WIRE_ENVIRONMENT = 19 | WIRE_MANDATORY, /* NUL-terminated strings, in the order of the caller's environ */
	WIRE_UMASK = 20 | WIRE_MANDATORY,       /* be32 */
	WIRE_LIMITS = 21 | WIRE_MANDATORY,      /* (be32 resource, be64 soft limit) each */
	WIRE_SIGMASK = 22 | WIRE_MANDATORY,     /* be64: bit N-1 is signal N, blocked in the caller */
	WIRE_SIGIGNORED = 23 | WIRE_MANDATORY,  /* be64: ignored in the caller */
	WIRE_NAME = 24,                         /* bytes, at most WIRE_MAX_NAME: the process's name, as the kernel gives it
	                                           where it runs a script by its #! line */
	WIRE_WORDS = 25,                        /* NUL-terminated strings: the interpreter as spelt, its own arguments */
	WIRE_PENDING = 26,                      /* be64: blocked in the caller, and pending there */

	/* WIRE_SIGNAL, WIRE_STOPPED, WIRE_STARTED */
	WIRE_SIGNUMBER = 32 | WIRE_MANDATORY, /* be32 */
	WIRE_GROUP = 33,                      /* be32; SIGNAL: not 0, to the process group, as the terminal does;
	                                         STARTED: the server's process group */

	/* WIRE_CONTROL */
	WIRE_VERB = 48 | WIRE_MANDATORY, /* be32: enum wire_verb */

	/* answers */
	WIRE_WAITSTATUS = 64 | WIRE_MANDATORY, /* be32, as wait(2) gives it */
	WIRE_REASON = 65,                      /* bytes, one line without newline */
	WIRE_PID = 66,                         /* be32: the server's process id */
	WIRE_RUNNING = 67,                     /* be32: calls now running */
	WIRE_SERVED = 68,                      /* be64: calls served so far */
	WIRE_IDLE_MS = 69,                     /* be64: milliseconds since the last call ended, 0 while one runs */
	WIRE_DIFFERS = 70,                     /* NUL-terminated strings: variables, WIRE_DIFFERS_... */
	WIRE_LEARNING = 71,                    /* be32: not 0 while what calls have learned may still be to be loaded */
};

enum wire_verb {
	WIRE_VERB_REPORT = 1, /* only tell */
	WIRE_VERB_DRAIN = 2,  /* stop accepting, let the calls finish, go */
	WIRE_VERB_QUIT = 3,   /* drain, and end the running calls' process groups */
};

/* Stand for a variable's name in WIRE_DIFFERS: the working directory, the umask. */
#define WIRE_DIFFERS_DIRECTORY "."
#define WIRE_DIFFERS_UMASK "=umask"

/* Stands for a number in WIRE_DESCRIPTORS: the working directory. */
#define WIRE_FD_CWD 0xffffffffu

/* Limits, each checked before anything is allocated for what it bounds. */
#define WIRE_MAX_GREETING 4096u      /* capability data */
#define WIRE_MAX_MESSAGE (16u << 20) /* a request's payload: Linux takes 6 MiB of arguments and environment */
#define WIRE_MAX_SMALL 4096u         /* any other message's payload */
#define WIRE_MAX_DESCRIPTORS 250u    /* SCM_MAX_FD is 253 */
#define WIRE_MAX_FD_NUMBER 65535u    /* the highest number that a carried descriptor may have */
#define WIRE_MAX_REASON 512u         /* longer reasons are cut */
#define WIRE_MAX_NAME 15u            /* TASK_COMM_LEN, without its NUL */

#endif
