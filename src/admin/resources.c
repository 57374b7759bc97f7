/* resources.c - the paths of the admin API: the only list of its kind. */
#include "admin/call.h"

static const struct resource resources[] = {
	{ HTTP_GET, "/status", call_status, ROLE_VIEWER },
	{ HTTP_GET, "/orders", call_orders, ROLE_VIEWER, .query = "state account tenant before limit" },
	{ HTTP_GET, "/orders/{}", call_order, ROLE_VIEWER, .query = "trace" },
	{ HTTP_GET, "/orders/{}/policy", call_order_policy, ROLE_VIEWER },
	{ HTTP_GET, "/policy", call_policy, ROLE_VIEWER, .query = "before limit" },
	{ HTTP_GET, "/policy/orders", call_policy_orders, ROLE_VIEWER, .query = "since before limit" },
	{ HTTP_GET, "/accounts", call_accounts, ROLE_VIEWER, .query = "tenant before limit" },
	{ HTTP_GET, "/accounts/{}", call_account, ROLE_VIEWER },
	{ HTTP_GET, "/certs", call_certs, ROLE_VIEWER, .query = "account expiring before limit" },
	{ HTTP_GET, "/certs/{}", call_cert, ROLE_VIEWER },
	{ HTTP_POST, "/certs/{}/revoke", call_cert_revoke, ROLE_OPERATOR, .told = "reason" },
	{ HTTP_POST, "/reload", call_reload, ROLE_OPERATOR },
	{ HTTP_POST, "/drain", call_drain, ROLE_OPERATOR, .after = call_drain_after },
	{ HTTP_POST, "/backups", call_backup, ROLE_OPERATOR, .event = AUDIT_STORE_BACKUP, .told = "folder" },
	{ HTTP_GET, "/log", call_log, ROLE_VIEWER },
	{ HTTP_POST, "/log", call_log_set, ROLE_OPERATOR, .told = "level" },
	{ HTTP_GET, "/config", call_config, ROLE_VIEWER },
	{ HTTP_GET, "/eab", call_eab_list, ROLE_VIEWER, .query = "tenant before limit" },
	{ HTTP_POST, "/eab", call_eab_create, ROLE_ADMINISTRATOR, .event = AUDIT_EAB_CREATE,
		.told = "kid note tenant cost_centre names networks profiles uses accounts expires keep_accounts again" },
	{ HTTP_GET, "/eab/{}", call_eab, ROLE_VIEWER },
	{ HTTP_POST, "/eab/{}/disable", call_eab_disable, ROLE_ADMINISTRATOR, .event = AUDIT_EAB_SUSPEND },
	{ HTTP_POST, "/eab/{}/enable", call_eab_enable, ROLE_ADMINISTRATOR },
	{ HTTP_POST, "/eab/{}/revoke", call_eab_revoke, ROLE_ADMINISTRATOR, .event = AUDIT_EAB_REVOKE },
	{ HTTP_POST, "/eab/{}/rotate", call_eab_rotate, ROLE_ADMINISTRATOR, .event = AUDIT_EAB_CREATE, .told = "kid overlap_s move_accounts expires" },
	{ HTTP_GET, "/devices", call_device_list, ROLE_VIEWER, .query = "state kind tag owner before limit" },
	{ HTTP_POST, "/devices/import", call_device_import, ROLE_ADMINISTRATOR, .told = "dry_run" },
	{ HTTP_GET, "/devices/{}", call_device, ROLE_VIEWER, .query = "type kind" },
	{ HTTP_POST, "/devices/{}/block", call_device_block, ROLE_OPERATOR, .query = "type kind", .told = "reason revoke crl_reason" },
	{ HTTP_POST, "/devices/{}/allow", call_device_allow, ROLE_OPERATOR, .query = "type kind" },
	{ HTTP_POST, "/devices/{}/remove", call_device_remove, ROLE_ADMINISTRATOR, .query = "type kind" },
	{ HTTP_GET, "/upstreams", call_upstream_list, ROLE_VIEWER },
	{ HTTP_GET, "/upstreams/{}", call_upstream, ROLE_VIEWER },
	{ HTTP_GET, "/upstreams/{}/stake", call_upstream_stake, ROLE_VIEWER },
	{ HTTP_GET, "/upstreams/{}/persist-records", call_upstream_persist, ROLE_VIEWER, .query = "name" },
	{ HTTP_POST, "/upstreams/{}/test", call_upstream_test, ROLE_OPERATOR, .later = true, .told = "name" },
	{ HTTP_POST, "/upstreams/{}/rotate-key", call_upstream_rotate_key, ROLE_ADMINISTRATOR },
	{ HTTP_POST, "/upstreams/{}/eab", call_upstream_eab, ROLE_ADMINISTRATOR, .told = "kid encoding alg expires" },
	{ HTTP_POST, "/upstreams/{}/deactivate", call_upstream_deactivate, ROLE_ADMINISTRATOR },
	{ HTTP_POST, "/upstreams/{}/register", call_upstream_register, ROLE_ADMINISTRATOR },
	{ HTTP_GET, "/limits", call_limits, ROLE_VIEWER },
	{ HTTP_GET, "/limits/ca", call_quotas, ROLE_VIEWER, .query = "upstream kind name blocked before limit" },
	{ HTTP_GET, "/queue", call_queue, ROLE_VIEWER, .query = "upstream profile before limit" },
	{ HTTP_GET, "/queue/ca", call_queue_cas, ROLE_VIEWER },
	{ HTTP_GET, "/billing", call_bill, ROLE_VIEWER, .query = "month after limit" },
	{ HTTP_GET, "/billing/summary", call_bill_summary, ROLE_VIEWER, .query = "month by" },
	{ HTTP_POST, "/billing/close", call_bill_close, ROLE_ADMINISTRATOR, .event = AUDIT_BILLING_CLOSE, .told = "month" },
	{ HTTP_POST, "/billing/correct", call_bill_correct, ROLE_ADMINISTRATOR, .event = AUDIT_BILLING_CORRECT, .told = "row amount note" },
	{ HTTP_GET, "/billing/find", call_bill_find, ROLE_VIEWER, .query = "url serial" },
	{ HTTP_GET, "/quotas", call_quota_use, ROLE_VIEWER, .query = "quota before limit" },
	{ HTTP_GET, "/tenants", call_tenant_list, ROLE_VIEWER, .query = "before limit" },
	{ HTTP_GET, "/tenants/{}", call_tenant, ROLE_VIEWER },
	{ HTTP_GET, "/renewals", call_renewals, ROLE_VIEWER, .query = "from to per by" },
	{ HTTP_GET, "/incidents", call_incidents, ROLE_VIEWER, .query = "before limit" },
	{ HTTP_POST, "/incidents", call_incident_open, ROLE_OPERATOR,
		.told = "ca profile issued_from issued_until explanation finish_within dry_run more" },
	{ HTTP_GET, "/incidents/{}", call_incident, ROLE_VIEWER },
	{ HTTP_GET, "/incidents/{}/missing", call_incident_missing, ROLE_VIEWER, .query = "before limit" },
	{ HTTP_POST, "/incidents/{}/serials", call_incident_serials, ROLE_OPERATOR, .told = "more" },
	{ HTTP_POST, "/incidents/{}/close", call_incident_close, ROLE_OPERATOR },
	{ HTTP_GET, "/tls", call_tls, ROLE_VIEWER },
	{ HTTP_GET, "/metrics", call_metrics, ROLE_VIEWER, .text = true },
	{ HTTP_GET, "/audit", call_audit, ROLE_AUDITOR, .query = "who what account order since until from before limit" },
	{ HTTP_GET, "/audit/checkpoint", call_audit_checkpoint, ROLE_AUDITOR, .query = "since" },
	{ HTTP_POST, "/audit/checkpoint", call_audit_sign, ROLE_AUDITOR, .query = "since", .event = AUDIT_CHECKPOINT },
	{ HTTP_GET, "/audit/export", call_audit_export, ROLE_AUDITOR, .query = "from size", .text = true },
	{ HTTP_POST, "/audit/export", call_audit_sign, ROLE_AUDITOR, .event = AUDIT_EXPORT },
	{ HTTP_POST, "/audit/erase", call_audit_erase, ROLE_ADMINISTRATOR, .told = "ground" },
	{ HTTP_GET, "/audit/{}", call_audit_entry, ROLE_AUDITOR },
};

static bool
matches(const char *pattern, struct span path, struct span *ret_ref)
{
	struct span want = span_str(pattern), w, p;

	while (span_cut(&want, '/', &w)) {
		if (!span_cut(&path, '/', &p))
			return false;
		if (span_is(w, "{}") && p.n)
			*ret_ref = p;
		else if (!span_eq(w, p))
			return false;
	}
	return path.p == NULL;
}

size_t
resource_count(void)
{
	return COUNT_OF(resources);
}

const struct resource *
resource_at(size_t i)
{
	return &resources[i];
}

const struct resource *
resource_find(enum http_method method, struct span path, struct span *ret_ref, bool *ret_known)
{
	*ret_known = false;
	for (size_t i = 0; i < COUNT_OF(resources); i++) {
		struct span ref = SPAN_NONE;

		if (!matches(resources[i].path, path, &ref))
			continue;
		*ret_known = true;
		if (resources[i].method != method)
			continue;
		*ret_ref = ref;
		return &resources[i];
	}
	return NULL;
}
