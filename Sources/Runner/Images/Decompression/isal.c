#include "isal.h"

#include <stdlib.h>
#include <string.h>

#if __has_include(<isa-l/igzip_lib.h>)

#include <dlfcn.h>
#include <isa-l/igzip_lib.h>
#include <pthread.h>

// The library's number in its name says that the structure below is the one of the header.
static const char library[] = "libisal.so.2";

static struct {
  void (*init)(struct inflate_state *);
  void (*reset)(struct inflate_state *);
  int (*inflate)(struct inflate_state *);
} isal;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
  *(void **)&isal.init = dlsym(handle, "isal_inflate_init");
  *(void **)&isal.reset = dlsym(handle, "isal_inflate_reset");
  *(void **)&isal.inflate = dlsym(handle, "isal_inflate");
}

int pfl_has_isal(void) {
  pthread_once(&once, load);
  return isal.init && isal.reset && isal.inflate;
}

struct pfl_isal {
  struct inflate_state state;
  int is_between_members; // the next byte begins a new gzip member
  int header_bytes; // of the first four bytes of a member, those that were seen
};

struct pfl_isal *pfl_isal_make(void) {
  if (!pfl_has_isal()) return NULL;
  struct pfl_isal *decoder = calloc(1, sizeof *decoder);
  if (!decoder) return NULL;
  isal.init(&decoder->state);
  decoder->state.crc_flag = ISAL_GZIP;
  return decoder;
}

void pfl_isal_free(struct pfl_isal *decoder) { free(decoder); }

// Reserved flags must be zero (RFC 1952, 2.3.1.2). ISA-L does not look.
static int has_reserved_flags(struct pfl_isal *decoder, const uint8_t *input, size_t count) {
  for (size_t i = 0; decoder->header_bytes < 4 && i < count; i++, decoder->header_bytes++) {
    if (decoder->header_bytes == 3 && (input[i] & 0xe0) != 0) return 1;
  }
  return 0;
}

enum pfl_status pfl_isal_run(
    struct pfl_isal *decoder, const uint8_t *input, size_t input_count, size_t *taken, uint8_t *output,
    size_t output_count, size_t *given) {
  struct inflate_state *state = &decoder->state;
  *taken = *given = 0;
  if (decoder->is_between_members) {
    isal.reset(state);
    state->crc_flag = ISAL_GZIP;
    decoder->is_between_members = decoder->header_bytes = 0;
  }
  if (has_reserved_flags(decoder, input, input_count)) return PFL_DAMAGED;
  state->next_in = (uint8_t *)input; // not written to
  state->avail_in = (uint32_t)input_count;
  state->next_out = output;
  state->avail_out = (uint32_t)output_count;
  int r = isal.inflate(state);
  *taken = input_count - state->avail_in;
  *given = output_count - state->avail_out;
  // Positive ones ask for input or output; those about names and comments are for callers who want them.
  if (r < 0 || r == ISAL_NEED_DICT) return PFL_DAMAGED;
  if (state->block_state != ISAL_BLOCK_FINISH) return PFL_MORE;
  decoder->is_between_members = 1;
  return PFL_MEMBER_END;
}

#else

// Built without its header: zlib does the work.
int pfl_has_isal(void) { return 0; }
struct pfl_isal *pfl_isal_make(void) { return NULL; }
void pfl_isal_free(struct pfl_isal *decoder) { free(decoder); }
enum pfl_status pfl_isal_run(
    struct pfl_isal *decoder, const uint8_t *input, size_t input_count, size_t *taken, uint8_t *output,
    size_t output_count, size_t *given) {
  (void)decoder, (void)input, (void)input_count, (void)output, (void)output_count;
  *taken = *given = 0;
  return PFL_DAMAGED;
}

#endif
