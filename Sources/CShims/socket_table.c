// Questions to sock_diag(7).
#include "socket_table.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <string.h>

int isl_ask_sockets(
    int table, const void *request, size_t size, int (*take)(const struct nlmsghdr *, void *), void *context) {
  struct isl_netlink_request message;
  if (size > sizeof message.body) return -EMSGSIZE;
  isl_netlink_begin(&message, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, size);
  memcpy(&message.body, request, size);
  return isl_netlink_ask(table, &message, take, context);
}
