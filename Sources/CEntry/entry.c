// The C library's start of a static program (`__libc_start_main`), without what it asks the processor.
//
// glibc executes cpuid some fifty times before main, to choose among its string functions and to size its copies by the
// caches. A virtual machine's processor leaves to the hypervisor for each of them: 4 microseconds here, a tenth of a
// whole start. `isolate` is content with the functions that every x86-64 processor has. It is linked with --wrap for
// `__libc_start_main`; what follows are that function's other steps, in their order, for the one version of glibc whose
// steps these are. With any other, and in a program that is not static (a debug build), the library's own function
// runs.
#include "isl_entry.h"

#include <elf.h>
#include <features.h>
#include <link.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/single_threaded.h>
#include <unistd.h>

typedef int program_main(int count, char **arguments, char **environment);

int __real___libc_start_main(program_main *main, int count, char **arguments, void (*init)(void), void (*fini)(void),
                             void (*linker_fini)(void), void *stack_end) __attribute__((weak));
int __wrap___libc_start_main(program_main *main, int count, char **arguments, void (*init)(void), void (*fini)(void),
                             void (*linker_fini)(void), void *stack_end);

#if defined(ISL_STATIC) && defined(__x86_64__) && defined(__GLIBC__) && __GLIBC__ == 2 && __GLIBC_MINOR__ == 36

// The library's own, found at link time by their names in its archive; none of them is there in a dynamic program.
#define INTERNAL __attribute__((weak, visibility("hidden")))
INTERNAL extern char **__environ;
INTERNAL extern void *__libc_stack_end;
INTERNAL extern void *_dl_random;
INTERNAL extern int __libc_enable_secure;
INTERNAL extern int _dl_x86_cpu_features; // its first member, what kind of processor it is
INTERNAL extern uint64_t _dl_hwcap;
INTERNAL extern long __x86_shared_non_temporal_threshold, __x86_rep_movsb_stop_threshold;
INTERNAL extern const ElfW(Rela) __rela_iplt_start[], __rela_iplt_end[];
INTERNAL extern void (*__preinit_array_start[])(int, char **, char **), (*__preinit_array_end[])(int, char **, char **);
INTERNAL extern void (*__init_array_start[])(int, char **, char **), (*__init_array_end[])(int, char **, char **);
INTERNAL extern void (*__fini_array_start[])(void), (*__fini_array_end[])(void);
INTERNAL void _init(void);
INTERNAL void _fini(void);
INTERNAL void _dl_aux_init(ElfW(auxv_t) *values);
INTERNAL void __libc_setup_tls(void);
INTERNAL void __ctype_init(void);
INTERNAL const char *_dl_get_origin(void);
INTERNAL void __libc_init_first(int count, char **arguments, char **environment);
int __cxa_atexit(void (*function)(void *), void *argument, void *handle);

/// glibc's number for a processor of no known maker, of which nothing but the baseline is used.
#define OTHER_PROCESSOR 4
/// From this many bytes on copies pass by the caches: three quarters of a usual second cache, for glibc's own default.
#define LARGE_COPY 0xc0000

static void end(void *unused) {
  (void)unused;
  for (ptrdiff_t i = __fini_array_end - __fini_array_start; i > 0; i--) __fini_array_start[i - 1]();
  _fini();
}

static int has_internals(void) {
  return __libc_setup_tls && __ctype_init && __libc_init_first && _dl_aux_init && &__libc_stack_end && &_dl_random &&
         &__libc_enable_secure && &_dl_x86_cpu_features && &_dl_hwcap && &__x86_shared_non_temporal_threshold &&
         &__x86_rep_movsb_stop_threshold && _init && _fini;
}

/// Where the program is, by a readlink(2) at each start: for libraries that dlopen(3) looks for beside it.
const char *_dl_get_origin(void) { return (const char *)-1; }

/// Nothing here may use the stack protector or a function that is chosen by processor before both have been set up.
__attribute__((no_stack_protector)) int __wrap___libc_start_main(program_main *main, int count, char **arguments,
                                                                 void (*init)(void), void (*fini)(void),
                                                                 void (*linker_fini)(void), void *stack_end) {
  char **environment = arguments + count + 1;
  ElfW(auxv_t) *values = (ElfW(auxv_t) *)environment;
  while (*(char **)values) values = (ElfW(auxv_t) *)((char **)values + 1);
  values = (ElfW(auxv_t) *)((char **)values + 1);
  if (!has_internals() || linker_fini)
    return __real___libc_start_main(main, count, arguments, init, fini, linker_fini, stack_end);

  __environ = environment;
  __libc_stack_end = stack_end;
  _dl_aux_init(values);
  if (__libc_enable_secure) return __real___libc_start_main(main, count, arguments, init, fini, linker_fini, stack_end);
  _dl_x86_cpu_features = OTHER_PROCESSOR;
  _dl_hwcap = 2; // HWCAP_X86_64
  __x86_shared_non_temporal_threshold = LARGE_COPY;
  __x86_rep_movsb_stop_threshold = LARGE_COPY;
  for (const ElfW(Rela) *each = __rela_iplt_start; each < __rela_iplt_end; each++)
    *(uintptr_t *)each->r_offset = ((uintptr_t(*)(void))each->r_addend)();
  // Asked for once, not again by malloc(3).
  brk(NULL);
  __libc_setup_tls();
  uintptr_t *random = _dl_random;
  __asm__ volatile("mov %0, %%fs:0x28" : : "r"(random[0] & ~(uintptr_t)0xff)); // the stack protector's word
  __asm__ volatile("mov %0, %%fs:0x30" : : "r"(random[1]));                    // what setjmp(3) mangles pointers with
  // __libc_early_init, but for what it asks about the stacks of threads, of which there are none.
  __ctype_init();
  __libc_single_threaded = 1;
  // As in Sources/CShims/startup.c, but before the library itself asks for memory.
  mallopt(M_TOP_PAD, 1 << 20);
  __libc_init_first(count, arguments, environment);
  __cxa_atexit(end, NULL, NULL);
  for (ptrdiff_t i = 0; i < __preinit_array_end - __preinit_array_start; i++)
    __preinit_array_start[i](count, arguments, environment);
  _init();
  for (ptrdiff_t i = 0; i < __init_array_end - __init_array_start; i++)
    __init_array_start[i](count, arguments, environment);
  exit(main(count, arguments, environment));
}

#else

int __wrap___libc_start_main(program_main *main, int count, char **arguments, void (*init)(void), void (*fini)(void),
                             void (*linker_fini)(void), void *stack_end) {
  return __real___libc_start_main(main, count, arguments, init, fini, linker_fini, stack_end);
}

#endif
