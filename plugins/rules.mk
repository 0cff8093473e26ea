# What building a language comes to, alike in all of them: included by plugins/LANG/Makefile, which says before
#
#   LANGUAGE srcdir   its name, as the folder's; the folder
#   RUNTIME_SOURCES   C files of the runtime, in the language's folder (or made in the build's)
#   RUNTIME_CPPFLAGS  RUNTIME_CFLAGS RUNTIME_LIBS: what the interpreter asks for
#   RUNTIME_OBJECT    the runtime's shared object: its place below runtime/
#   RUNTIME_FILES     the language's own files: their places below runtime/
#   SITE              directories in which the interpreter looks for modules
#   SITE_LINKS        what is linked into the first of them that lies below the prefix: places below runtime/
#
# and how each of RUNTIME_FILES is made, by $(copy), which puts the project's version in place of @VERSION@.  runtime/
# in the build directory is as it will be installed.

languageruntimedir = $(runtimedir)/$(LANGUAGE)
RUNTIME_OBJECTS = $(RUNTIME_SOURCES:.c=.o)
sitedir = $(firstword $(filter $(prefix)/%,$(SITE)))

all: $(LANGUAGE).so runtime/$(RUNTIME_OBJECT) $(RUNTIME_FILES:%=runtime/%)
	@:

copy = $(brief)mkdir -p $(@D) && sed 's/@''VERSION@/$(VERSION)/g' $< >$@.new && mv $@.new $@

# The plugin needs no library: the launcher loads it.
$(LANGUAGE).so: plugin.o
	$(brief)$(CC) $(CFLAGS) $(LDFLAGS) $(SHARED_LINK) -Wl,-z,defs -o $@ plugin.o

plugin.o: $(srcdir)/plugin.c $(top_builddir)/config.mk
	$(brief)$(CC) $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CFLAGS) $(SHARED_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

runtime/$(RUNTIME_OBJECT): $(RUNTIME_OBJECTS) $(SERVER_LIBRARY)
	@mkdir -p $(@D)
	$(brief)$(CC) $(CFLAGS) $(LDFLAGS) $(SHARED_LINK) -o $@ $(RUNTIME_OBJECTS) $(SERVER_LIBRARY) $(RUNTIME_LIBS)

RUNTIME_INCLUDES = -I$(srcdir) -I$(top_srcdir)/core/server $(OUR_CPPFLAGS) $(RUNTIME_CPPFLAGS)
RUNTIME_COMPILE = $(CC) $(RUNTIME_INCLUDES) $(CPPFLAGS) \
	$(OUR_CFLAGS) $(SHARED_CFLAGS) $(RUNTIME_CFLAGS) $(CFLAGS)

%.o: $(srcdir)/%.c $(top_builddir)/config.mk Makefile
	$(brief)$(RUNTIME_COMPILE) -MMD -MP -c -o $@ $<

install: all
	@echo '  $(DESTDIR)$(languageruntimedir)'
	@$(INSTALL) -d $(DESTDIR)$(plugindir)
	@$(INSTALL) -m 644 $(LANGUAGE).so $(DESTDIR)$(plugindir)/
	@for file in $(RUNTIME_OBJECT) $(RUNTIME_FILES); do \
		$(INSTALL) -D -m 644 runtime/$$file $(DESTDIR)$(languageruntimedir)/$$file || exit 1; \
	done
ifneq ($(sitedir),)
	@for file in $(SITE_LINKS); do \
		link=$(sitedir)/$$file; \
		to=$$(realpath -ms --relative-to=$$(dirname $$link) $(languageruntimedir)/$$file) && \
		$(INSTALL) -d $(DESTDIR)$$(dirname $$link) && \
		ln -sfn $$to $(DESTDIR)$$link || exit 1; \
	done
endif

uninstall:
	@rm -f $(DESTDIR)$(plugindir)/$(LANGUAGE).so
	@rm -rf $(DESTDIR)$(languageruntimedir)
ifneq ($(sitedir),)
	@for file in $(SITE_LINKS); do \
		test -L $(DESTDIR)$(sitedir)/$$file || continue; \
		rm -f $(DESTDIR)$(sitedir)/$$file; \
		(cd $(DESTDIR)$(sitedir) && rmdir -p $$(dirname $$file) 2>/dev/null) || :; \
	done
endif

# The runtime's C files, as the compiler sees them.
tidy:
	@$(call tidy,$(wildcard $(srcdir)/*.c),$(RUNTIME_INCLUDES))

clean:
	@rm -rf runtime $(LANGUAGE).so *.o *.d $(CLEAN_FILES)

.PHONY: all install uninstall tidy clean
-include $(wildcard *.d)
