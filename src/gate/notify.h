/* notify.h - tell the service manager (sd_notify's protocol: one datagram to $NOTIFY_SOCKET). Any thread, once notify_init has
 * been called, before the first. */
#ifndef GATE_NOTIFY_H
#define GATE_NOTIFY_H

/* Take the socket's place from the environment and clear it there, so that no child speaks for us. */
void notify_init(void);
/* "READY=1", "STATUS=...", ...; nothing without a manager. */
void notify_send(const char *text);
/* RELOADING=1 with the clock that systemd asks for. */
void notify_reloading(void);
#endif
