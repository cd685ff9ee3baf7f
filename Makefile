# SPDX-License-Identifier: Apache-2.0
# make              bin/cnic and one hard link per plugin
# make check        the tests that hack/test runs; root, throw-away namespaces
# make test-long    all there is, nothing sampled: about an hour
# make lint         layers, formatting, tidy, headers, shell scripts
# make install      into DESTDIR CNI_BIN_DIR, by hard links; make uninstall takes out what is ours
# make SAN=1 ...    with ASan and UBSan, build-san/ and bin-san/
# make STATIC=1 ... one static executable, build-static/ and bin-static/ (hack/static-deps first)
# make FIREWALLD=1 ... and cnic-firewalld beside them, which the backend firewalld of the plugin firewall runs
# make SPLIT=1 ...  every plugin an executable of its own, build-split/ and bin-split/
# V=1 shows the commands.

CNI_BIN_DIR ?= /opt/cni/bin
VERSION     ?= v0.1.0
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

PKG_SRC    := $(wildcard pkg/*/*.c)
PLUGIN_SRC := $(wildcard plugins/*/*/*.c)
PKG_OBJ    := $(PKG_SRC:%.c=$B/%.o)
PLUGIN_OBJ := $(PLUGIN_SRC:%.c=$B/%.o)
UNIT_SRC   := $(wildcard test/unit/test_*.c)
UNIT       := $(UNIT_SRC:test/unit/%.c=$B/unit/%)

HELPERS    := $(if $(FIREWALLD),cnic-firewalld)
APART      := $(HELPERS) $(if $(SPLIT),$(PLUGINS)) # executables that are not links to bin/cnic
STRIP      ?= strip

all: $(BIN)/cnic $(PLUGINS:%=$(BIN)/%) $(HELPERS:%=$(BIN)/%)

# Never static: nobody who has firewalld lacks the library.
$(BIN)/cnic-firewalld: plugins/meta/firewall/helper/cnic-firewalld.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(if $(STATIC),cc,$(CC)) -std=gnu11 -O2 -g $(WARN) $(HARDEN) -fPIE -pie -o $@ $< -lsystemd

# With SPLIT=1 it is the tool alone, and no plugin's.
$(BIN)/cnic: $B/cnic
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

check:
	hack/test

test-long:
	hack/test --long

lint:
	hack/lint

# By the tool itself, stripped: all of it, or nothing is changed and it says why.
install: all
	@mkdir -p $B/stripped
	$(Q)for f in cnic $(APART); do $(STRIP) -o $B/stripped/$$f $(BIN)/$$f || exit; done
	install -d $(DESTDIR)$(CNI_BIN_DIR)
	$B/stripped/cnic --install $(DESTDIR)$(CNI_BIN_DIR) $(APART:%=$B/stripped/%)

uninstall: $B/cnic
	$B/cnic --uninstall $(DESTDIR)$(CNI_BIN_DIR)
	$(if $(DESTDIR),cd $(DESTDIR) && rmdir -p --ignore-fail-on-non-empty $(CNI_BIN_DIR:/%=%))

clean:
	$(RM) -r build-san build-static build-split bin bin-san bin-static bin-split \
		$(filter-out build/peers build/vm build/static-deps,$(wildcard build/*))

.PHONY: all unit list-unit objects list-objects check test-long lint install uninstall clean
.SECONDARY:
-include $(PKG_OBJ:.o=.d) $(PLUGIN_OBJ:.o=.d) $B/plugins/all.d $(UNIT:=.d)
