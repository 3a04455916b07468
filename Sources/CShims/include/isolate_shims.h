// The C half of the runtime: what Swift cannot call, and the child after clone.
//
// One header per concern. Every function returns 0 or a positive result, or -errno.
#pragma once

#include "isl_attempts.h"
#include "isl_held_memory.h"
#include "isl_hook.h"
#include "isl_keeper.h"
#include "isl_landlock.h"
#include "isl_launch.h"
#include "isl_lent_files.h"
#include "isl_lent_sockets.h"
#include "isl_listening.h"
#include "isl_namespace.h"
#include "isl_network.h"
#include "isl_notify.h"
#include "isl_own_memory.h"
#include "isl_own_root.h"
#include "isl_plan.h"
#include "isl_seccomp.h"
#include "isl_startup.h"
#include "isl_syscalls.h"
#include "isl_tree.h"
