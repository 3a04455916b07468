// Streaming decompression of image layers: zlib or ISA-L (RFC 1950 to 1952) and libzstd (RFC 8878) behind one call;
// of the archives of projects also liblzma (tukaani.org/xz/xz-file-format.txt).
#pragma once

#include <stddef.h>
#include <stdint.h>

enum pfl_format { PFL_FORMAT_NONE = 0, PFL_FORMAT_GZIP = 1, PFL_FORMAT_ZSTD = 2, PFL_FORMAT_XZ = 3 };

/// What the first bytes of a stream say of its format; `count` of at least 4 tells all of them apart.
enum pfl_format pfl_format_of(const uint8_t *bytes, size_t count);

struct pfl_decoder;

/// Who decodes gzip.
enum pfl_gzip {
  PFL_GZIP_FASTEST = 0, // ISA-L's igzip where its library is on this machine and was known to the build, else zlib
  PFL_GZIP_ZLIB = 1,
};

/// Whether PFL_GZIP_FASTEST is ISA-L here.
int pfl_has_isal(void);

/// NULL when there is no memory. `window_limit` is the largest window of zstd or xz in bytes that is accepted.
struct pfl_decoder *pfl_decoder_make(enum pfl_format format, enum pfl_gzip gzip, size_t window_limit);
void pfl_decoder_free(struct pfl_decoder *decoder);

enum pfl_status {
  PFL_MORE = 0, // goes on; output may be waiting although all input is taken
  PFL_MEMBER_END = 1, // a gzip member or zstd frame is complete; another may follow
  PFL_DAMAGED = -1, // not of the format, or its checksum is wrong
  PFL_TOO_LARGE = -2, // needs a window above the limit
  PFL_NO_MEMORY = -3,
};

/// Takes from `input` and gives to `output`; `*taken` and `*given` say how much. Output that was filled to its end
/// may have more behind it: the next call gives that, also without input.
enum pfl_status pfl_decoder_run(
    struct pfl_decoder *decoder, const uint8_t *input, size_t input_count, size_t *taken, uint8_t *output,
    size_t output_count, size_t *given);
