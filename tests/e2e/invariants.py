"""What must hold in the store at any time, as SQL for both databases: each statement finds the rows that are wrong."""

INVARIANTS = {
    "no order is valid without a certificate":
        "select o.id from orders o where o.state=3 and not exists (select 1 from cert c where c.id=o.cert_id)",
    "no order has a certificate and is not valid": "select id from orders where cert_id is not null and state<>3",
    "a valid order's certificate is for its key and its names":
        "select o.id from orders o join cert c on c.id=o.cert_id where o.key_hash<>c.key_hash or o.idents_key<>c.idents_key",
    "no order is processing without a job of its own or one that it joined":
        "select o.id from orders o where o.state=2 and not exists"
        " (select 1 from job j where j.kind=1 and j.subject=coalesce(o.joined_to, o.id))",
    "no order has two certificates": "select order_id from cert group by order_id having count(*)>1",
    "no certificate was made for an order that never was processing":
        "select c.id from cert c join orders o on o.id=c.order_id where o.finalized_at is null",
    "no certificate is replaced by two orders":
        "select replaces from orders where replaces is not null and state<>4 group by replaces having count(*)>1",
    "no job is without its subject":
        "select j.id from job j where (j.kind=0 and not exists (select 1 from challenge c where c.id=j.subject))"
        " or (j.kind=1 and not exists (select 1 from orders o where o.id=j.subject))"
        " or (j.kind=2 and not exists (select 1 from cert c where c.id=j.subject))",
    "no challenge is processing without a job, unless its authorization has ended":
        "select c.id from challenge c join authz a on a.id=c.authz_id where c.state=1 and a.state=0 and not exists"
        " (select 1 from job j where j.kind=0 and j.subject=c.id)",
    "no authorization is valid without a valid challenge, or a device that proved it":
        "select a.id from authz a where a.state=1 and a.proven_by is null and not exists"
        " (select 1 from challenge c where c.authz_id=a.id and c.state=2)",
    "a device proves names of its own order alone, and only when it is proven itself":
        "select a.id from authz a where a.proven_by is not null and not exists (select 1 from authz d join challenge c on c.authz_id=d.id"
        " join order_authz l on l.authz_id=d.id join order_authz m on m.order_id=l.order_id and m.authz_id=a.id"
        " where d.id=a.proven_by and d.ident_type>=2 and c.kind=5 and c.state=2)",
    "a name of a device belongs to one that there is":
        "select n.name from device_name n where not exists"
        " (select 1 from device d where d.type=n.type and d.name=n.device and d.scope=n.scope)",
    "no authorization is pending although its challenge has ended":
        "select a.id from authz a join challenge c on c.authz_id=a.id where a.state=0 and c.state>=2",
    "no device is attested without evidence":
        "select c.id from challenge c where c.kind=5 and c.state=2 and not exists (select 1 from evidence e where e.authz_id=c.authz_id)",
    "no order is ready with an authorization that is not valid":
        "select o.id from orders o join order_authz l on l.order_id=o.id join authz a on a.id=l.authz_id"
        " where o.state=1 and a.state<>1",
    "no order is pending although all is proven, or one authorization has ended":
        "select o.id from orders o where o.state=0 and (not exists (select 1 from order_authz l join authz a on a.id=l.authz_id"
        " where l.order_id=o.id and a.state<>1) or exists (select 1 from order_authz l join authz a on a.id=l.authz_id"
        " where l.order_id=o.id and a.state>=2))",
    "a deactivated account has nothing open":
        "select a.id from account a where a.state=1 and (exists (select 1 from orders o where o.account_id=a.id and o.state<=2)"
        " or exists (select 1 from authz z where z.account_id=a.id and z.state=0))",
    "no work at a CA is left without its job":
        "select u.order_id from upstream_order u where not exists (select 1 from job j where j.kind=1 and j.subject=u.order_id)",
    "no token of a limit is held for an order that is not under way, or before newOrder may have gone out":
        "select h.order_id from quota_hold h where not exists (select 1 from upstream_order u where u.order_id=h.order_id"
        " and (u.state=1 or u.intent_at is not null))",
    "no token is held in a bucket that is not there, nor waited for":
        "select h.order_id from quota_hold h where not exists (select 1 from quota_bucket b where b.id=h.bucket_id) union all"
        " select u.order_id from upstream_order u where u.wait_bucket is not null and not exists"
        " (select 1 from quota_bucket b where b.id=u.wait_bucket)",
    "no order waits for a limit and may have gone out":
        "select order_id from upstream_order where wait_until is not null and (state=1 or intent_at is not null)",
    "no record in the DNS is left without the job that removes it":
        "select r.id from proof_record r where not exists (select 1 from job j where j.kind=5 and j.subject=r.id)",
    "no certificate is without its row of the bill, nor on it twice":
        "select c.id from cert c where (select count(*) from bill b where b.sha256=c.sha256 and b.kind<4)<>1",
    "what is billed has been issued":
        "select b.id from bill b where b.kind<5 and not exists (select 1 from cert c where c.sha256=b.sha256)",
    "what is revoked and was billed is on the bill, once":
        "select c.id from cert c where c.revoked_at is not null and (select count(*) from bill b where b.sha256=c.sha256 and b.kind=4)<>1",
    "what is used of a quota by what is under way or lives is what is held":
        "select u.id from usage_count u where u.counts>=2 and u.used<>(select count(*) from usage_hold h where h.count_id=u.id)",
    "no two accounts have one key": "select thumbprint from account group by thumbprint having count(*)>1",
    "a revoked certificate is told to its CA once at most":
        "select subject from job where kind=2 group by subject having count(*)>1",
}


def broken(sql):
    """{what: rows} of those that do not hold; `sql` asks a store."""
    return {what: rows[:5] for what, text in INVARIANTS.items() for rows in [sql(text)] if rows}
