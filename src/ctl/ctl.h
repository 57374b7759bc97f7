/* ctl.h - what the files of acmegatectl share: the table of commands, one invocation, talking to the daemon, printing.
 *
 * One thread. Results go to ctl->out and from there to stdout at the end; messages go to stderr at once. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "base/buf.h"
#include "base/clock.h"
#include "json/json.h"

/* Exit codes: a promise to scripts (N9). */
enum ctl_exit {
	CTL_DONE = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_UNREACHABLE = 3,
	CTL_NOT_FOUND = 4,
	CTL_REFUSED = 5,  /* by policy or permission */
	CTL_CONFLICT = 6, /* somebody was faster */
	CTL_LATER = 75
};

#define CTL_CONFIG_FILE "/etc/acmegate/acmegate.conf"

struct ctl;

/* An option takes an argument or not, the same in all commands that have it: options may stand before the command. */
struct ctl_option {
	const char *name;   /* without "--" */
	const char *arg;    /* what the help calls it, NULL = none is taken */
	const char *help;   /* one line */
	const char *values; /* for completion and messages: "a b c", NULL = anything */
	bool many;          /* may be given again */
	char letter;        /* 0 = none */
};

struct ctl_command {
	const char *noun, *verb; /* verb NULL: the noun alone is the command */
	const char *args;        /* as the help shows them, NULL = none */
	unsigned words_min, words_max;
	const char *summary;     /* one line, no full stop */
	const char *more;        /* paragraph for the help and the manual page, NULL = none */
	const char *examples;    /* lines without the program's name, the first goes to the help of all */
	const struct ctl_option *options; /* ends with a row without name; NULL = none */
	int (*fn)(struct ctl *ctl);
};
extern const struct ctl_command ctl_commands[];
extern const size_t ctl_command_count;
extern const struct ctl_option ctl_global_options[];

struct ctl_given {
	const char *name, *value; /* value NULL: an option without argument */
};

struct ctl {
	const struct ctl_command *command;
	struct ctl_given *given; /* options, in the order given */
	size_t given_count;
	const char **words;      /* what follows the command */
	size_t word_count;
	bool json, plain, color;
	unsigned width;          /* of the terminal, 0 = lines are not cut */
	struct buf out;
};

/* ---- args.c: from argv to a command with its options ---- */
enum ctl_wish { CTL_WISH_RUN, CTL_WISH_HELP, CTL_WISH_VERSION, CTL_WISH_BARE, CTL_WISH_NOUN, CTL_WISH_WRONG };
/* Fills command, given and words. What is wrong is a message in ctl->out's place: *ret_wrong, on the heap. */
enum ctl_wish ctl_args_read(struct ctl *ctl, int argc, char **argv, char **ret_wrong);
void ctl_done(struct ctl *ctl);
/* Last value given, NULL = not given; of an option without argument "" if given. */
const char *ctl_opt(const struct ctl *ctl, const char *name);
/* The value of an option that may be given again; NULL at the end. */
const char *ctl_opt_at(const struct ctl *ctl, const char *name, size_t i);
/* A count, 1 to 1000000000; *ret is left alone if it was not given. CTL_DONE, or the exit code; the message was printed. */
int ctl_opt_count(struct ctl *ctl, const char *name, int64_t *ret);
/* --expires: "30d" from now, or a date or time. RFC 3339 comes out, "" if it was not given. Likewise. */
int ctl_opt_expires(struct ctl *ctl, char ret[TIME_TEXT]);
/* "30d" ago, or a date or time. Likewise. */
int ctl_opt_past(struct ctl *ctl, const char *name, char ret[TIME_TEXT]);
#define CTL_SECRET_MAX 4096
/* The key in a file, or on standard input for "-"; blanks and line ends around it are not its. ret is an AUTO_SECRET of CTL_SECRET_MAX.
 * Likewise. */
int ctl_read_secret(struct ctl *ctl, const char *file, struct buf *ret);
/* All of a file, or of standard input for "-", up to what ret may hold. Likewise. */
int ctl_read_file(struct ctl *ctl, const char *file, struct buf *ret);
const struct ctl_option *ctl_option_find(const struct ctl_option *list, const char *name);
/* Command or noun nearest to what was typed; NULL if nothing is near. On the heap. */
char *ctl_suggest(const char *typed);

/* ---- help.c ---- */
void ctl_help_bare(struct buf *out);
void ctl_help_all(struct buf *out);
void ctl_help_noun(const char *noun, struct buf *out);
void ctl_help_command(const struct ctl_command *c, struct buf *out);
/* "order show ORDER" */
void ctl_synopsis(const struct ctl_command *c, struct buf *out);

/* ---- complete*.c ---- */
/* etc/acmegatectl.bash-completion, _acmegatectl and acmegatectl.fish, and the list of commands in acmegatectl(1), from the table. */
void ctl_write_completion(struct buf *out);
void ctl_write_zsh(struct buf *out);
void ctl_write_fish(struct buf *out);
void ctl_write_mdoc(struct buf *out);

/* ---- talk.c: the daemon ---- */
struct ctl_reply {
	struct buf body;
	struct json *doc;
	const struct json_node *root; /* an object */
};
void ctl_reply_done(struct ctl_reply *rp);
/* GET, or POST with a JSON body if `json` is not NULL. CTL_DONE and the reply, or the exit code; the message was printed. */
int ctl_ask(struct ctl *ctl, const char *path, const char *json, struct ctl_reply *ret);
/* GET of what is no JSON: the answer is ret->body alone. */
int ctl_ask_text(struct ctl *ctl, const char *path, struct ctl_reply *ret);
/* The admin socket: --socket, or of the configuration, or the default. On the heap; NULL: CTL_USAGE, message printed. */
char *ctl_socket_path(struct ctl *ctl);
/* --timeout in seconds. */
long ctl_timeout_s(const struct ctl *ctl);
/* The exit code of a problem document. Pure. */
int ctl_exit_of(int http_status, struct span type);

/* ---- fetch.c: a gateway's public face, or another ACME server ---- */
struct ctl_web; /* keeps its connection */
struct ctl_web *ctl_web_new(void);
void ctl_web_free(struct ctl_web *web);
/* GET by HTTPS; trust anchors of the system, and of --ca-file. CTL_DONE and an answer, whatever its status is: ret->root is NULL unless it is
 * a JSON object; or the exit code, the message was printed. */
int ctl_web_get(struct ctl *ctl, struct ctl_web *web, const char *url, struct ctl_reply *ret, int *ret_status, int64_t *ret_retry_s);

/* ---- print.c ---- */
/* What was printed so far goes to stdout; CTL_FAILED if it cannot. */
int ctl_flush(struct ctl *ctl);
/* A message on stderr, JSON with --json; returns code. */
__attribute__((format(printf, 3, 4))) int ctl_fail(struct ctl *ctl, int code, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void ctl_note(struct ctl *ctl, const char *fmt, ...);
/* Foreign text for a terminal: control characters become '?'. */
void ctl_add_clean(struct buf *out, struct span text);
/* A block of "Label  value" lines; with --plain "label<TAB>value". Empty values are left out. */
void ctl_field(struct ctl *ctl, const char *label, struct span value);
void ctl_field_member(struct ctl *ctl, const char *label, const struct json_node *object, const char *name);
void ctl_title(struct ctl *ctl, const char *title);
/* A string or number as text; "" if there is none. On the heap. */
char *ctl_text(const struct json_node *n);
/* "a.example, 10.0.0.1" */
char *ctl_idents(const struct json_node *identifiers);
/* "unauthorized: the detail" */
char *ctl_problem(const struct json_node *problem);
/* The reply as it came. */
void ctl_print_json(struct ctl *ctl, const struct ctl_reply *rp);
/* After a table of a list: how many of how many, and how to go on. */
void ctl_print_rest(struct ctl *ctl, const struct json_node *list, size_t shown);
/* Ask before something that cannot be undone: --yes, or a person at the terminal. CTL_DONE = go on. */
__attribute__((format(printf, 2, 3))) int ctl_confirm(struct ctl *ctl, const char *fmt, ...);

/* ---- list.c: what the commands on objects share ---- */
struct table;
/* CTL_DONE, or CTL_USAGE with a message. */
int ctl_check_id(struct ctl *ctl, const char *id);
/* As a part of a path or query: all but letters, digits and - . _ ~ becomes %XX. */
void ctl_add_escaped(struct buf *out, const char *text);
/* Those of the parameters (ends with NULL) that were given as options, as the query of a target; how many. */
size_t ctl_add_query(const struct ctl *ctl, struct buf *out, const char *const *parameters);
/* GET /KIND/WORD. */
int ctl_ask_one(struct ctl *ctl, const char *kind, const char *query, struct ctl_reply *ret);
/* GET a list with those of the parameters (ends with NULL) that were given as options: ids and names. */
int ctl_ask_list(struct ctl *ctl, const char *path, const char *const *parameters, struct ctl_reply *ret);
/* A cell for each of these members of an object. */
void ctl_add_members(struct table *t, const struct json_node *object, const char *const *names, size_t count);
/* The end of a command with --json, or of one that failed: prints the reply if code is CTL_DONE, returns code. */
int ctl_list_json(struct ctl *ctl, int code, struct ctl_reply *rp);
/* The end of a list for people; frees both. */
int ctl_list_table(struct ctl *ctl, struct table *t, struct ctl_reply *rp);

/* ---- the commands, a file per noun ---- */
int cmd_eab_create(struct ctl *ctl);
int cmd_eab_create_fleet(struct ctl *ctl);
int cmd_eab_rotate(struct ctl *ctl);
int cmd_eab_list(struct ctl *ctl);
int cmd_eab_show(struct ctl *ctl);
int cmd_eab_disable(struct ctl *ctl);
int cmd_eab_enable(struct ctl *ctl);
int cmd_eab_revoke(struct ctl *ctl);
int cmd_device_list(struct ctl *ctl);
int cmd_device_show(struct ctl *ctl);
int cmd_device_add(struct ctl *ctl);
int cmd_device_import(struct ctl *ctl);
int cmd_device_block(struct ctl *ctl);
int cmd_device_allow(struct ctl *ctl);
int cmd_device_remove(struct ctl *ctl);
int cmd_queue(struct ctl *ctl);
int cmd_queue_ca(struct ctl *ctl);
int cmd_limits(struct ctl *ctl);
int cmd_limits_local(struct ctl *ctl);
int cmd_plan(struct ctl *ctl);
int cmd_upstream_list(struct ctl *ctl);
int cmd_upstream_show(struct ctl *ctl);
int cmd_upstream_test(struct ctl *ctl);
int cmd_upstream_move(struct ctl *ctl);
int cmd_upstream_persist(struct ctl *ctl);
int cmd_upstream_rotate_key(struct ctl *ctl);
int cmd_upstream_set_eab(struct ctl *ctl);
int cmd_upstream_deactivate(struct ctl *ctl);
int cmd_upstream_register(struct ctl *ctl);
int cmd_renewals(struct ctl *ctl);
int cmd_renewals_due(struct ctl *ctl);
int cmd_billing_export(struct ctl *ctl);
int cmd_billing_summary(struct ctl *ctl);
int cmd_billing_reconcile(struct ctl *ctl);
int cmd_billing_correct(struct ctl *ctl);
int cmd_billing_close(struct ctl *ctl);
int cmd_tenant_list(struct ctl *ctl);
int cmd_tenant_quotas(struct ctl *ctl);
int cmd_tenant_show(struct ctl *ctl);
int cmd_incident_open(struct ctl *ctl);
int cmd_incident_list(struct ctl *ctl);
int cmd_incident_show(struct ctl *ctl);
int cmd_incident_close(struct ctl *ctl);
int cmd_audit_tail(struct ctl *ctl);
int cmd_audit_search(struct ctl *ctl);
int cmd_audit_show(struct ctl *ctl);
int cmd_audit_export(struct ctl *ctl);
int cmd_audit_verify(struct ctl *ctl);
int cmd_audit_checkpoint(struct ctl *ctl);
int cmd_audit_erase(struct ctl *ctl);
int cmd_tls_show(struct ctl *ctl);
int cmd_metrics(struct ctl *ctl);
int cmd_init(struct ctl *ctl);
int cmd_status(struct ctl *ctl);
int cmd_account_list(struct ctl *ctl);
int cmd_account_show(struct ctl *ctl);
int cmd_order_list(struct ctl *ctl);
int cmd_order_show(struct ctl *ctl);
int cmd_policy_check(struct ctl *ctl);
int cmd_policy_explain(struct ctl *ctl);
int cmd_policy_list(struct ctl *ctl);
int cmd_policy_replay(struct ctl *ctl);
int cmd_cert_list(struct ctl *ctl);
int cmd_cert_show(struct ctl *ctl);
int cmd_cert_revoke(struct ctl *ctl);
int cmd_config_check(struct ctl *ctl);
int cmd_config_show(struct ctl *ctl);
int cmd_config_keys(struct ctl *ctl);
int cmd_reload(struct ctl *ctl);
int cmd_drain(struct ctl *ctl);
int cmd_backup(struct ctl *ctl);
int cmd_restore(struct ctl *ctl);
int cmd_log_level(struct ctl *ctl);
int cmd_version(struct ctl *ctl);

/* All of acmegatectl: returns its exit code. */
int ctl_main(int argc, char **argv);
#endif
