#include "decompression.h"
#include "isal.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

struct pfl_decoder {
  enum pfl_format format;
  z_stream zlib;
  struct pfl_isal *isal; // in the place of zlib
  ZSTD_DStream *zstd;
  lzma_stream lzma;
  uint64_t memory_limit; // of lzma
  int between_members; // the next byte begins a new gzip member
};

enum pfl_format pfl_format_of(const uint8_t *bytes, size_t count) {
  if (count >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b) return PFL_FORMAT_GZIP;
  if (count < 4) return PFL_FORMAT_NONE;
  if (bytes[0] == 0x28 && bytes[1] == 0xb5 && bytes[2] == 0x2f && bytes[3] == 0xfd) return PFL_FORMAT_ZSTD;
  // The .xz file format, 2.1.1.1; its last two bytes are checked by the decoder.
  if (bytes[0] == 0xfd && bytes[1] == '7' && bytes[2] == 'z' && bytes[3] == 'X') return PFL_FORMAT_XZ;
  // RFC 8878, 3.1.2: zstd:chunked begins with data frames, but a skippable frame may come first.
  if ((bytes[0] & 0xf0) == 0x50 && bytes[1] == 0x2a && bytes[2] == 0x4d && bytes[3] == 0x18) return PFL_FORMAT_ZSTD;
  return PFL_FORMAT_NONE;
}

struct pfl_decoder *pfl_decoder_make(enum pfl_format format, enum pfl_gzip gzip, size_t window_limit) {
  struct pfl_decoder *decoder = calloc(1, sizeof *decoder);
  if (!decoder) return NULL;
  decoder->format = format;
  int made = 1;
  if (format == PFL_FORMAT_GZIP && gzip == PFL_GZIP_FASTEST) decoder->isal = pfl_isal_make();
  if (format == PFL_FORMAT_GZIP && !decoder->isal) {
    made = inflateInit2(&decoder->zlib, 15 + 16) == Z_OK; // 16: gzip only
  }
  if (format == PFL_FORMAT_ZSTD) {
    int bits = 10;
    while (bits < 31 && ((size_t)1 << (bits + 1)) <= window_limit) bits++;
    decoder->zstd = ZSTD_createDStream();
    made = decoder->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(decoder->zstd, ZSTD_d_windowLogMax, bits));
  }
  if (format == PFL_FORMAT_XZ) {
    // What the decoder needs besides its window is far below that.
    decoder->memory_limit = (uint64_t)window_limit + (1 << 20);
    made = lzma_stream_decoder(&decoder->lzma, decoder->memory_limit, 0) == LZMA_OK;
  }
  if (made) return decoder;
  decoder->format = PFL_FORMAT_NONE;
  ZSTD_freeDStream(decoder->zstd);
  free(decoder);
  return NULL;
}

void pfl_decoder_free(struct pfl_decoder *decoder) {
  if (!decoder) return;
  if (decoder->isal) pfl_isal_free(decoder->isal);
  else if (decoder->format == PFL_FORMAT_GZIP) inflateEnd(&decoder->zlib);
  else if (decoder->format == PFL_FORMAT_XZ) lzma_end(&decoder->lzma);
  ZSTD_freeDStream(decoder->zstd);
  free(decoder);
}

static enum pfl_status run_gzip(
    struct pfl_decoder *decoder, const uint8_t *input, size_t input_count, size_t *taken, uint8_t *output,
    size_t output_count, size_t *given) {
  z_stream *stream = &decoder->zlib;
  if (decoder->between_members) {
    if (inflateReset(stream) != Z_OK) return PFL_DAMAGED;
    decoder->between_members = 0;
  }
  stream->next_in = input;
  stream->avail_in = (uInt)input_count;
  stream->next_out = output;
  stream->avail_out = (uInt)output_count;
  int r = inflate(stream, Z_NO_FLUSH);
  *taken = input_count - stream->avail_in;
  *given = output_count - stream->avail_out;
  if (r == Z_STREAM_END) decoder->between_members = 1;
  switch (r) {
  case Z_STREAM_END: return PFL_MEMBER_END;
  case Z_OK:
  case Z_BUF_ERROR: return PFL_MORE;
  case Z_MEM_ERROR: return PFL_NO_MEMORY;
  default: return PFL_DAMAGED;
  }
}

static enum pfl_status run_zstd(
    struct pfl_decoder *decoder, const uint8_t *input, size_t input_count, size_t *taken, uint8_t *output,
    size_t output_count, size_t *given) {
  ZSTD_inBuffer in = {input, input_count, 0};
  ZSTD_outBuffer out = {output, output_count, 0};
  size_t r = ZSTD_decompressStream(decoder->zstd, &out, &in);
  *taken = in.pos;
  *given = out.pos;
  if (r == 0) return PFL_MEMBER_END;
  if (!ZSTD_isError(r)) return PFL_MORE;
  switch (ZSTD_getErrorCode(r)) {
  case ZSTD_error_frameParameter_windowTooLarge: return PFL_TOO_LARGE;
  case ZSTD_error_memory_allocation: return PFL_NO_MEMORY;
  default: return PFL_DAMAGED;
  }
}

static enum pfl_status run_xz(
    struct pfl_decoder *decoder, const uint8_t *input, size_t input_count, size_t *taken, uint8_t *output,
    size_t output_count, size_t *given) {
  lzma_stream *stream = &decoder->lzma;
  if (decoder->between_members) {
    if (lzma_stream_decoder(stream, decoder->memory_limit, 0) != LZMA_OK) return PFL_NO_MEMORY;
    decoder->between_members = 0;
  }
  stream->next_in = input;
  stream->avail_in = input_count;
  stream->next_out = output;
  stream->avail_out = output_count;
  lzma_ret r = lzma_code(stream, LZMA_RUN);
  *taken = input_count - stream->avail_in;
  *given = output_count - stream->avail_out;
  if (r == LZMA_STREAM_END) decoder->between_members = 1;
  switch (r) {
  case LZMA_STREAM_END: return PFL_MEMBER_END;
  case LZMA_OK:
  case LZMA_BUF_ERROR: return PFL_MORE;
  case LZMA_MEM_ERROR: return PFL_NO_MEMORY;
  case LZMA_MEMLIMIT_ERROR: return PFL_TOO_LARGE;
  default: return PFL_DAMAGED;
  }
}

enum pfl_status pfl_decoder_run(
    struct pfl_decoder *decoder, const uint8_t *input, size_t input_count, size_t *taken, uint8_t *output,
    size_t output_count, size_t *given) {
  if (decoder->isal) return pfl_isal_run(decoder->isal, input, input_count, taken, output, output_count, given);
  // Both counts are of buffers, far below what zlib's 32-bit counts hold.
  if (decoder->format == PFL_FORMAT_GZIP) return run_gzip(decoder, input, input_count, taken, output, output_count, given);
  if (decoder->format == PFL_FORMAT_ZSTD) return run_zstd(decoder, input, input_count, taken, output, output_count, given);
  if (decoder->format == PFL_FORMAT_XZ) return run_xz(decoder, input, input_count, taken, output, output_count, given);
  size_t count = input_count < output_count ? input_count : output_count;
  memcpy(output, input, count);
  *taken = *given = count;
  return PFL_MORE;
}
