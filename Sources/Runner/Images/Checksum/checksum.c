#define XXH_INLINE_ALL // its code is in its header
#include <xxhash.h>

#include "checksum.h"

#include <stdlib.h>
#include <string.h>

struct pfl_checksum {
  XXH3_state_t state;
};

struct pfl_checksum *pfl_checksum_make(void) {
  struct pfl_checksum *checksum = aligned_alloc(_Alignof(struct pfl_checksum), sizeof *checksum);
  if (checksum) {
    XXH3_INITSTATE(&checksum->state);
    XXH3_128bits_reset(&checksum->state);
  }
  return checksum;
}

void pfl_checksum_free(struct pfl_checksum *checksum) { free(checksum); }

void pfl_checksum_update(struct pfl_checksum *checksum, const void *bytes, size_t count) {
  XXH3_128bits_update(&checksum->state, bytes, count);
}

void pfl_checksum_value(const struct pfl_checksum *checksum, unsigned char value[16]) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&checksum->state));
  memcpy(value, canonical.digest, sizeof canonical.digest);
}
