// A filesystem in memory that nobody else sees.
#pragma once

/// Mounts tmpfs(5) at a folder, in a mount namespace that the caller enters for it, and in a user namespace of its own
/// id where the first is refused otherwise (user_namespaces(7)). It is gone with the caller and what it starts.
///
/// Only for a process without other threads. Gives 0, or -errno; the caller may be in new namespaces then as well.
int isl_mount_own_memory(const char *folder);
