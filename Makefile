# SPDX-License-Identifier: Apache-2.0
#
# make              bin/cnic and one hard link per plugin
# make check        what needs no root, where the machine allows it; says what it skips, and why
# make test-long    all there is, nothing sampled: hours; root (hack/test: under ten minutes)
# make lint         layers, names, formatting, tidy, headers, pages, shell scripts
# make man          manual pages in build/man, made from the .md pages by lowdown
# make install      stripped: the plugins into DESTDIR CNI_BIN_DIR, by hard links; cnic and cnitool into
#                   PREFIX/bin; manual pages into MANDIR, bash completion into BASHCOMPDIR
# make uninstall    takes out what is ours
# make dist         cnic-VERSION.tar.gz, which builds without git
# make unit         the unit programs, build/unit/; make list-unit prints their names
# make objects      what the fuzz targets link; make list-objects prints their names
# make clean        all but what hack/peers, hack/static-deps and test/vm have fetched
# make help         this
#
# make SAN=1 ...    with ASan and UBSan, build-san/ and bin-san/
# make STATIC=1 ... one static executable, build-static/ and bin-static/ (hack/static-deps first)
# make FIREWALLD=1 ... and cnic-firewalld beside them, which the backend firewalld of the plugin firewall runs
# make CLUSTER=1 ... and cnic-etcd, by which the plugin cluster asks etcd
# make SPLIT=1 ...  every plugin an executable of its own, build-split/ and bin-split/
# make V=1 ...      shows the commands
#
# CNI_BIN_DIR=/opt/cni/bin, PREFIX=/usr/local, MANDIR=PREFIX/share/man,
# BASHCOMPDIR=PREFIX/share/bash-completion/completions, DESTDIR in front of all of them

CNI_BIN_DIR ?= /opt/cni/bin
PREFIX      ?= /usr/local
MANDIR      ?= $(PREFIX)/share/man
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
# Of the tag; in a tarball of make dist, of its file.
ifndef VERSION
VERSION     := $(or $(shell test -e .git && git describe --tags --match 'v*' 2>/dev/null), \
		    $(shell cat VERSION 2>/dev/null),v0.1.0)
endif
FLAVOUR     := $(if $(SAN),-san)$(if $(STATIC),-static)$(if $(SPLIT),-split)
B           := build$(FLAVOUR)
BIN         := bin$(FLAVOUR)

# plugins/list.h: PLUGIN(symbol, "name", "folder")
PLUGINS   := $(shell sed -n 's/^PLUGIN[^"]*"\([^"]*\)".*/\1/p' plugins/list.h)
folder_of  = $(shell sed -n 's/^PLUGIN[^"]*"$(1)", "\([^"]*\)".*/\1/p' plugins/list.h)

CFLAGS   ?= -O2 -g
ifdef STATIC
CC       := musl-gcc
endif
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
	    -Wundef -Wpointer-arith -Wwrite-strings -Wcast-qual -Wvla -Wimplicit-fallthrough \
	    -Wconversion -Wno-sign-conversion $(if $(WERROR),-Werror)
HARDEN   := -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
PIE      := $(if $(STATIC),,-fPIE)
override CPPFLAGS += -iquote pkg -D_GNU_SOURCE -DCNIC_VERSION='"$(VERSION)"' -MMD -MP \
		     $(if $(STATIC),-isystem build/static-deps/include)
override CFLAGS   += -std=gnu11 -fvisibility=hidden $(PIE) $(WARN) \
		     $(if $(SAN),$(SANITIZE),$(HARDEN)) $(if $(STATIC),-ffunction-sections -fdata-sections)
override LDFLAGS  += -Wl,-z,relro,-z,now -Wl,--as-needed $(if $(SAN),$(SANITIZE)) \
		     $(if $(STATIC),-static -Wl$(comma)--gc-sections -Lbuild/static-deps/lib,-pie)
LIBS     := -lmnl -lcjson -lm
comma    := ,
Q        := $(if $(V),,@)
say       = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)')

PKG_SRC    := $(filter-out pkg/etcd/helper/%,$(wildcard pkg/*/*.c pkg/*/*/*.c))
PLUGIN_SRC := $(wildcard plugins/*/*/*.c)
PKG_OBJ    := $(PKG_SRC:%.c=$B/%.o)
PLUGIN_OBJ := $(PLUGIN_SRC:%.c=$B/%.o)
UNIT_SRC   := $(wildcard test/unit/test_*.c)
UNIT       := $(UNIT_SRC:test/unit/%.c=$B/unit/%)

HELPERS    := $(if $(FIREWALLD),cnic-firewalld) $(if $(CLUSTER),cnic-etcd)
APART      := $(HELPERS) $(if $(SPLIT),$(PLUGINS)) # executables that are not links to bin/cnic
STRIP      ?= strip

all: $(BIN)/cnic $(BIN)/cnitool $(PLUGINS:%=$(BIN)/%) $(HELPERS:%=$(BIN)/%)

# Never static: where firewalld is the library is, too.
$(BIN)/cnic-firewalld: plugins/meta/firewall/helper/cnic-firewalld.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(if $(STATIC),cc,$(CC)) -std=gnu11 -O2 -g $(WARN) $(HARDEN) -fPIE -pie -o $@ $< -lsystemd

# Never static either: TLS takes its certificates and its rules from the host.
$(BIN)/cnic-etcd: pkg/etcd/helper/cnic-etcd.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(if $(STATIC),cc,$(CC)) -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARN) $(HARDEN) -fPIE -pie -o $@ $< -lcurl

# With SPLIT=1 they are the tools alone, and no plugin's.
$(BIN)/cnic $(BIN)/cnitool: $B/cnic
	@mkdir -p $(@D)
	$(Q)ln -f $< $@

ifeq ($(SPLIT),)
$(PLUGINS:%=$(BIN)/%): $(BIN)/cnic
	$(Q)ln -f $B/cnic $@
else
# The same objects, each with a table of one. $B/table/NAME.c names only its own descriptor.
$(BIN)/%: $B/table/%.o $(PKG_OBJ) $(PLUGIN_OBJ)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(PKG_OBJ) \
		$(filter $B/plugins/$(call folder_of,$*)/%,$(PLUGIN_OBJ)) $(LIBS)

$B/table/%.o: plugins/all.c plugins/list.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -DONLY=$(subst -,_,$*)_plugin -c -o $@ $<
endif

$B/cnic: $(PKG_OBJ) $(PLUGIN_OBJ) $B/plugins/all.o
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
	$(if $(STATIC),$(Q)strip $@)

$B/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The files that say the version.
$B/pkg/skel/run.o $B/pkg/cmd/cnic.o: $B/version
$B/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
FORCE:

# Unit tests link every module but main.
unit: $(UNIT)

list-unit:
	@echo $(UNIT)

# What the fuzz targets link.
objects: $(PKG_OBJ) $(PLUGIN_OBJ) $B/plugins/all.o

list-objects:
	@echo $(PKG_OBJ) $(PLUGIN_OBJ) $B/plugins/all.o

$B/unit/%: test/unit/%.c $(filter-out %/cmd/main.o,$(PKG_OBJ)) $(PLUGIN_OBJ) $B/plugins/all.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CPPFLAGS) -Itest/lib -iquote . $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c %.o,$^) $(LIBS)

check: all unit
	CNIC_BIN=$(BIN) hack/check

test-long:
	hack/test --long

lint:
	hack/lint

# ---- manual pages ----------------------------------------------------------------------------

TOOLS   := cnic cnitool
VERBS   := listen run
MAN     := $(TOOLS) $(VERBS:%=cnic-%) $(PLUGINS:%=cni-%)
LOWDOWN := $(shell command -v lowdown)
# What make uninstall knows our pages by; the first line has man(1) set the tables.
MARK    := Made from a page of cnic, the CNI plugins in C.
page_of  = plugins/$(call folder_of,$(1))/$(notdir $(call folder_of,$(1))).md

man: $(MAN:%=$B/man/%.8)

.SECONDEXPANSION:
$(TOOLS:%=$B/man/%.8): $B/man/%.8: pkg/cmd/%.md $B/version Makefile
	$(write_man)
$B/man/cnic-%.8: pkg/cmd/$$*/$$*.md $B/version Makefile
	$(write_man)
$B/man/cni-%.8: $$(call page_of,$$*) $B/version Makefile
	$(write_man)

# A page's first heading is its name, the others go up by one.
define write_man
	@mkdir -p $(@D)
	$(call say,MAN,$@)
	$(Q){ printf "'\\\" t\n.\\\" %s\n" '$(MARK)'; \
	sed '1d; $(if $(findstring cni-,$@),/^## NAME/$(comma)/^## SYNOPSIS/s/^[a-z-]* - /cni-&/;) s/^##/#/' $< | \
		$(or $(LOWDOWN),lowdown) -s -Tman -m title=$(basename $(@F)) -m section=8 -m source='cnic $(VERSION)'; } >$@.tmp
	$(Q)mv $@.tmp $@
endef

# ---- installing ------------------------------------------------------------------------------

# What make uninstall knows our completion by.
COMPLETION := bash completion of cnic, the CNI plugins in C

# By the tool itself, stripped: all of it, or nothing is changed and it says why. The tools are links to
# what is installed, where the file system is the same.
install: all $(if $(LOWDOWN),man)
	@mkdir -p $B/stripped
	$(Q)for f in cnic $(APART); do $(STRIP) -o $B/stripped/$$f $(BIN)/$$f || exit; done
	install -d $(DESTDIR)$(CNI_BIN_DIR)
	$B/stripped/cnic install $(DESTDIR)$(CNI_BIN_DIR) $(APART:%=$B/stripped/%)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(BASHCOMPDIR)
	$(DESTDIR)$(CNI_BIN_DIR)/cnic install --tools $(DESTDIR)$(PREFIX)/bin
	for f in $(TOOLS); do install -m 644 pkg/cmd/completion.bash $(DESTDIR)$(BASHCOMPDIR)/$$f || exit; done
ifneq ($(LOWDOWN),)
	install -d $(DESTDIR)$(MANDIR)/man8
	install -m 644 $(MAN:%=$B/man/%.8) $(DESTDIR)$(MANDIR)/man8
else
	@echo "lowdown is not installed: no manual pages"
endif

# Directories of DESTDIR go as well, if nothing else is in them.
uninstall: $B/cnic
	$(if $(wildcard $(DESTDIR)$(CNI_BIN_DIR)),$B/cnic uninstall $(DESTDIR)$(CNI_BIN_DIR))
	$(if $(wildcard $(DESTDIR)$(PREFIX)/bin),$B/cnic uninstall --tools $(DESTDIR)$(PREFIX)/bin)
	grep -lsF '$(COMPLETION)' $(TOOLS:%=$(DESTDIR)$(BASHCOMPDIR)/%) | xargs -r rm -f
	grep -lsF '$(MARK)' $(DESTDIR)$(MANDIR)/man8/cni*.8 | xargs -r rm -f
	$(if $(DESTDIR),! cd $(DESTDIR) || \
		rmdir -p --ignore-fail-on-non-empty $(CNI_BIN_DIR:/%=%) $(PREFIX:/%=%)/bin \
			$(MANDIR:/%=%)/man8 $(BASHCOMPDIR:/%=%) 2>/dev/null || true)

# HEAD, and what git is asked for elsewhere.
dist:
	@mkdir -p $B
	$(Q)echo '$(VERSION)' >$B/VERSION
	git archive --format=tar.gz --prefix=cnic-$(VERSION)/ --add-file=$B/VERSION \
		-o cnic-$(VERSION).tar.gz HEAD

clean:
	$(RM) -r build-san build-static build-split bin bin-san bin-static bin-split cnic-v*.tar.gz \
		$(filter-out build/peers build/vm build/static-deps,$(wildcard build/*))

help:
	@sed -n '/^# make/,/^$$/s/^# \{0,1\}//p' Makefile

.PHONY: all unit list-unit objects list-objects check test-long lint man install uninstall dist clean help
.SECONDARY:
-include $(PKG_OBJ:.o=.d) $(PLUGIN_OBJ:.o=.d) $B/plugins/all.d $(UNIT:=.d)
