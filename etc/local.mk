# etc: what a service manager wants to know: units, the user, the folders
systemdsystemunitdir = @systemdsystemunitdir@
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d

nodist_systemdsystemunit_DATA = etc/systemd/acmegate.service
dist_systemdsystemunit_DATA = etc/systemd/acmegate.socket etc/systemd/acmegate-http01.socket
dist_sysusers_DATA = etc/sysusers.d/acmegate.conf
dist_tmpfiles_DATA = etc/tmpfiles.d/acmegate.conf
EXTRA_DIST += etc/systemd/acmegate.service.in
CLEANFILES += etc/systemd/acmegate.service

etc/systemd/acmegate.service: etc/systemd/acmegate.service.in Makefile
	@$(MKDIR_P) etc/systemd
	$(AM_V_GEN)sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' $(top_srcdir)/etc/systemd/acmegate.service.in >$@.tmp && mv $@.tmp $@

# For Prometheus and Grafana
monitoringdir = $(pkgdatadir)/monitoring
dist_monitoring_DATA = etc/prometheus/acmegate.rules.yml etc/grafana/acmegate.json
