/* The server's messages: to syslog, without touching the state that syslog(3) keeps in the script's process. */
#ifndef PREFORK_LOG_H
#define PREFORK_LOG_H

/* Where messages go: FACILITY as syslog(3) has it, -1 for nowhere.  NAME is the script's path: its last part is shown.
 */
void log_open(int facility, const char *name);

/* One message of LOG_ERR or another priority.  Costs a fork; keeps errno. */
void log_message(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
