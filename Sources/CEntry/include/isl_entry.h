// The static program's start in place of the C library's own (Sources/CEntry/entry.c). Nobody calls it: the linker
// puts it into the place of `__libc_start_main`, in `isolate` alone, since no other program of the package is static.
#pragma once
