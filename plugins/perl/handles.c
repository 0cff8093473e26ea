/* What PerlIO remembers of descriptors: see handles.h. */
#include "handles.h"
#include "api.h"
#include "tripwire.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char *const own_modules[] = {"Proc/Prefork/Interp.pm", "Proc/Prefork/Interp/Runtime.pm"};

/* On standard descriptors and duplicates of them. */
static PerlIO **noted;
static size_t noted_count;
static size_t files_read; /* the script, and the modules of a fresh run */

void handles_each(pTHX_ void (*visit)(pTHX_ PerlIO *f)) {
	/* Handles may be lexical: no name leads to them. */
	for (SV *arena = PL_sv_arenaroot; arena; arena = MUTABLE_SV(SvANY(arena))) {
		const SV *end = arena + SvREFCNT(arena);

		for (SV *sv = arena + 1; sv < end; sv++) {
			IO *io = (IO *)sv;

			if (SvTYPE(sv) != SVt_PVIO || !SvREFCNT(sv))
				continue;
			if (PerlIOValid(IoIFP(io)))
				visit(aTHX_ IoIFP(io));
			if (PerlIOValid(IoOFP(io)) && IoOFP(io) != IoIFP(io))
				visit(aTHX_ IoOFP(io));
		}
	}
}

static void note_handle(pTHX_ PerlIO *f) {
	/* A directory is no stream, and one in memory has no descriptor. */
	if (!tripwire_is_standard(PerlIO_fileno(f)))
		return;
	Renew(noted, noted_count + 1, PerlIO *);
	noted[noted_count++] = f;
}

void handles_note(pTHX) {
	HV *modules = GvHVn(PL_incgv);

	files_read = 1 + HvUSEDKEYS(modules);
	for (size_t i = 0; i < sizeof own_modules / sizeof *own_modules; i++)
		files_read -= hv_exists(modules, own_modules[i], (I32)strlen(own_modules[i]));
	handles_each(aTHX_ note_handle);
}

/* Where a standard descriptor is closed when perl starts, the first files that it reads take the number, and stay open
 * at their ends, as the standard handle holds the number too.  The first of them is the script, the others are modules.
 */
static void fill_closed(const struct prefork_call *call) {
	size_t left = files_read;

	for (int fd = 0; call->script && fd <= STDERR_FILENO; fd++) {
		int filler = -1;

		if ((call->closed >> fd & 1) && left > 0) {
			filler = open(call->script, O_RDONLY);
			left--;
		}
		if (filler >= 0)
			lseek(filler, 0, SEEK_END);
	}
}

/* What PerlIO found out about the descriptor when it opened the handle: terminal or not, and the place in the file. */
static void renew(pTHX_ PerlIO *f) {
	int fd = PerlIO_fileno(f);
	Off_t place = lseek(fd, 0, SEEK_CUR);

	for (PerlIOl **layer = f; *layer; layer = PerlIONext(layer)) {
		PerlIOBase(layer)->flags &= ~(U32)(PERLIO_F_EOF | PERLIO_F_ERROR | PERLIO_F_LINEBUF);
		if (!PerlIOBase(layer)->tab || !(PerlIOBase(layer)->tab->kind & PERLIO_K_BUFFERED))
			continue;
		PerlIOSelf(layer, PerlIOBuf)->posn = place < 0 ? 0 : place;
		if (isatty(fd))
			PerlIOBase(layer)->flags |= PERLIO_F_LINEBUF;
	}
}

/* These bytes have been through the layers: they go below all that would change them. */
static void write_bytes(pTHX_ IO *io, const char *bytes, size_t n) {
	PerlIOl **layer = IoOFP(io), **lowest = layer;

	for (; *layer; layer = PerlIONext(layer))
		if (PerlIOBase(layer)->tab && (PerlIOBase(layer)->tab->kind & PERLIO_K_BUFFERED))
			lowest = layer;
	if (*lowest && PerlIOBase(lowest)->tab)
		(*PerlIOBase(lowest)->tab->Write)(aTHX_ lowest, bytes, n);
	if (IoFLAGS(io) & IOf_FLUSH)
		PerlIO_flush(lowest);
}

static void write_setup_output(pTHX_ const struct prefork_call *call) {
	GV *gv = gv_fetchpv("STDOUT", 0, SVt_PVIO);
	IO *io = gv ? GvIO(gv) : NULL;

	if (!call->setup_output_length)
		return;
	if (io && PerlIOValid(IoOFP(io)) && PerlIO_fileno(IoOFP(io)) == STDOUT_FILENO)
		write_bytes(aTHX_ io, call->setup_output, call->setup_output_length);
	else if (PerlIO_stdout())
		PerlIO_write(PerlIO_stdout(), call->setup_output, call->setup_output_length);
}

void handles_renew(pTHX_ const struct prefork_call *call) {
	fill_closed(call);
	for (size_t i = 0; i < noted_count; i++)
		renew(aTHX_ noted[i]);
	write_setup_output(aTHX_ call);
}
