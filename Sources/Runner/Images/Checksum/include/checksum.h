// Checksums of files' contents: XXH3 with 128 bits (xxhash.h), which costs a tenth of SHA-256.
#pragma once

#include <stddef.h>

struct pfl_checksum;

/// NULL when there is no memory.
struct pfl_checksum *pfl_checksum_make(void);
void pfl_checksum_free(struct pfl_checksum *checksum);
void pfl_checksum_update(struct pfl_checksum *checksum, const void *bytes, size_t count);
/// The checksum of all bytes until now, as 16 bytes in the order in which it is written (XXH128_canonical_t).
void pfl_checksum_value(const struct pfl_checksum *checksum, unsigned char value[16]);
