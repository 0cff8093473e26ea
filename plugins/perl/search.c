/* Where perl looks for modules: see tripwire.h. */
#include "api.h"
#include "tripwire.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The first folder or file on the way to PATH that is not there: when it comes, so may PATH. */
static void watch_missing(pTHX_ const char *path) {
	char part[PATH_MAX];
	struct stat st;

	for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", slash ? (int)(slash - path) : (int)strlen(path), path);
		if (stat(part, &st) < 0) {
			tripwire_file(aTHX_ part, TRIPWIRE_TEST);
			return;
		}
		if (!slash)
			return;
	}
}

/* Where perl looks for a module before it finds the file FOUND, or, where that is NULL, everywhere. */
static void watch_search(pTHX_ const char *name, const char *found) {
	AV *folders = GvAVn(PL_incgv);
	char path[PATH_MAX];

	for (SSize_t i = 0; i <= AvFILLp(folders); i++) {
		const SV *folder = AvARRAY(folders)[i];

		if (!folder || !SvPOK(folder))
			continue;
		if ((size_t)snprintf(path, sizeof path, "%s/%s", SvPVX(folder), name) >= sizeof path)
			continue;
		if (found && strEQ(path, found))
			return;
		watch_missing(aTHX_ path);
	}
}

void tripwire_watch_modules(pTHX) {
	HV *loaded = GvHVn(PL_incgv), *modules = tripwire_modules();
	HE *entry;

	hv_iterinit(loaded);
	while ((entry = hv_iternext(loaded))) {
		const SV *file = HeVAL(entry);

		/* What a hook in @INC has made up has no file. */
		if (!SvPOK(file))
			continue;
		tripwire_file(aTHX_ SvPVX(file), TRIPWIRE_READ);
		watch_search(aTHX_ HeKEY(entry), SvPVX(file));
	}
	if (modules)
		hv_iterinit(modules);
	while (modules && (entry = hv_iternext(modules)))
		if (!hv_exists(loaded, HeKEY(entry), HeKLEN(entry)))
			watch_search(aTHX_ HeKEY(entry), NULL);
}
