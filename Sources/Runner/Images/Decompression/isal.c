#include "isal.h"

#include <stdlib.h>
#include <string.h>

#if __has_include(<isa-l/igzip_lib.h>)

#include <dlfcn.h>
#include <isa-l/igzip_lib.h>
#include <pthread.h>
#include <zlib.h>

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

// The parts of a member's header, in their order (RFC 1952, 2.3).
enum part { PART_FIXED, PART_EXTRA_COUNT, PART_EXTRA, PART_NAME, PART_COMMENT, PART_SUM, PART_NONE };

// ISA-L refuses some valid headers that come in pieces, and takes some with reserved flags: they are read here as
// zlib does.
struct header {
  enum part part;
  unsigned seen; // bytes of the part
  unsigned extra; // bytes of the extra field
  uint8_t flags;
  uint8_t sum_low;
  unsigned long sum; // of what was seen
};

struct pfl_isal {
  struct inflate_state state;
  struct header header;
};

static void begin_member(struct pfl_isal *decoder) {
  isal.reset(&decoder->state);
  decoder->state.crc_flag = ISAL_GZIP_NO_HDR_VER; // the trailer is read and compared
  memset(&decoder->header, 0, sizeof decoder->header);
}

struct pfl_isal *pfl_isal_make(void) {
  if (!pfl_has_isal()) return NULL;
  struct pfl_isal *decoder = calloc(1, sizeof *decoder);
  if (!decoder) return NULL;
  isal.init(&decoder->state);
  begin_member(decoder);
  return decoder;
}

void pfl_isal_free(struct pfl_isal *decoder) { free(decoder); }

// The first part behind `part` that the flags announce.
static enum part next_part(const struct header *header, enum part part) {
  static const uint8_t flag[] = {[PART_EXTRA_COUNT] = 4, [PART_EXTRA] = 4, [PART_NAME] = 8, [PART_COMMENT] = 16, [PART_SUM] = 2};
  do part++;
  while (part < PART_NONE && (!(header->flags & flag[part]) || (part == PART_EXTRA && header->extra == 0)));
  return part;
}

// Takes a byte of a header; false when it cannot be one.
static int take_header_byte(struct header *header, uint8_t byte) {
  unsigned place = header->seen++;
  int ends = 0;
  switch (header->part) {
  case PART_FIXED:
    if ((place == 0 && byte != 0x1f) || (place == 1 && byte != 0x8b) || (place == 2 && byte != 8)) return 0;
    if (place == 3 && (byte & 0xe0)) return 0; // reserved
    if (place == 3) header->flags = byte;
    ends = place == 9;
    break;
  case PART_EXTRA_COUNT:
    header->extra |= (unsigned)byte << (8 * place);
    ends = place == 1;
    break;
  case PART_EXTRA: ends = header->seen == header->extra; break;
  case PART_NAME:
  case PART_COMMENT: ends = byte == 0; break;
  case PART_SUM:
    if (place == 0) header->sum_low = byte;
    ends = place == 1;
    if (ends && (header->sum_low | (unsigned)byte << 8) != (header->sum & 0xffff)) return 0;
    break;
  case PART_NONE: return 0;
  }
  if (header->part != PART_SUM) header->sum = crc32(header->sum, &byte, 1);
  if (ends) {
    header->part = next_part(header, header->part);
    header->seen = 0;
  }
  return 1;
}

enum pfl_status pfl_isal_run(
    struct pfl_isal *decoder, const uint8_t *input, size_t input_count, size_t *taken, uint8_t *output,
    size_t output_count, size_t *given) {
  struct inflate_state *state = &decoder->state;
  *taken = *given = 0;
  if (state->block_state == ISAL_BLOCK_FINISH) begin_member(decoder);
  while (decoder->header.part != PART_NONE) {
    if (*taken == input_count) return PFL_MORE;
    if (!take_header_byte(&decoder->header, input[(*taken)++])) return PFL_DAMAGED;
  }
  state->next_in = (uint8_t *)input + *taken; // not written to
  state->avail_in = (uint32_t)(input_count - *taken);
  state->next_out = output;
  state->avail_out = (uint32_t)output_count;
  int r = isal.inflate(state);
  *taken = input_count - state->avail_in;
  *given = output_count - state->avail_out;
  // Positive ones ask for input or output.
  if (r < 0 || r == ISAL_NEED_DICT) return PFL_DAMAGED;
  return state->block_state == ISAL_BLOCK_FINISH ? PFL_MEMBER_END : PFL_MORE;
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
