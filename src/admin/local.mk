libgate_a_SOURCES += \
	src/admin/accounts.c src/admin/admin.c src/admin/admin.h src/admin/audit.c src/admin/bill.c src/admin/agenda.c src/admin/call.h src/admin/certs.c \
	src/admin/control.c src/admin/device_import.c src/admin/device_move.c src/admin/devices.c src/admin/eab.c src/admin/expo.c src/admin/expo.h src/admin/incidents.c src/admin/limits.c src/admin/queue.c src/admin/metrics.c src/admin/metrics.h \
	src/admin/metrics_cas.c src/admin/metrics_face.c src/admin/orders.c src/admin/parts.c src/admin/policy.c src/admin/quotas.c src/admin/process.c src/admin/process.h \
	src/admin/openapi.c src/admin/openapi.h src/admin/resources.c src/admin/roles.c src/admin/status.c src/admin/tenants.c src/admin/tls.c src/admin/usage.c src/admin/trail.c \
	src/admin/upstream_move.c src/admin/upstream_test.c src/admin/upstreams.c

admin_scene = tests/unit/admin/scene.c tests/unit/admin/scene.h tests/unit/admin/ask.h tests/unit/store/world.h tests/unit/sql/both.h tests/pg.h tests/tap.h
check_PROGRAMS += test_admin test_admin_device test_admin_eab test_admin_upstream test_expo test_metrics
test_expo_SOURCES = tests/unit/admin/test_expo.c tests/tap.h
test_expo_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_expo_LDADD = $(gate_libs)
test_metrics_SOURCES = tests/unit/admin/test_metrics.c $(admin_scene) tests/unit/httpd/rig.c tests/unit/httpd/rig.h
test_metrics_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_metrics_LDADD = $(gate_libs)
test_admin_SOURCES = tests/unit/admin/test_admin.c $(admin_scene) tests/unit/httpd/rig.c tests/unit/httpd/rig.h
test_admin_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_admin_LDADD = $(gate_libs)
test_admin_device_SOURCES = tests/unit/admin/test_admin_device.c $(admin_scene) tests/unit/httpd/rig.c tests/unit/httpd/rig.h
test_admin_device_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_admin_device_LDADD = $(gate_libs)
test_admin_upstream_SOURCES = tests/unit/admin/test_admin_upstream.c $(admin_scene) tests/unit/httpd/rig.c tests/unit/httpd/rig.h
test_admin_upstream_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_admin_upstream_LDADD = $(gate_libs)
test_admin_eab_SOURCES = tests/unit/admin/test_admin_eab.c $(admin_scene) tests/unit/httpd/rig.c tests/unit/httpd/rig.h
test_admin_eab_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_admin_eab_LDADD = $(gate_libs)

fuzz_targets += fuzz_admin
fuzz_admin_SOURCES = tests/fuzz/fuzz_admin.c tests/fuzz/inside.h $(admin_scene)
fuzz_admin_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
fuzz_admin_LDADD = $(gate_libs)
fuzz_admin_LDFLAGS = $(fuzz_ldflags) $(fuzz_inside) -Wl,--wrap=ca_post

# The API's description, from the table of resources: `make regen-openapi` after a change of the table
check_PROGRAMS += test_openapi
test_openapi_SOURCES = tests/unit/admin/test_openapi.c tests/tap.h
test_openapi_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -DTOP_SRCDIR='"$(abs_top_srcdir)"'
test_openapi_LDADD = $(gate_libs)
EXTRA_DIST += doc/openapi.json
.PHONY: regen-openapi
regen-openapi: test_openapi
	./test_openapi print >regen-openapi.tmp && cp regen-openapi.tmp $(top_srcdir)/doc/openapi.json
	rm -f regen-openapi.tmp
