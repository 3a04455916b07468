// gzip by ISA-L's igzip, which is opened at run time where it is there: Debian has no archive of it to link.
#pragma once

#include "decompression.h"

struct pfl_isal;

/// NULL when the library is not there, or there is no memory.
struct pfl_isal *pfl_isal_make(void);
void pfl_isal_free(struct pfl_isal *isal);

/// As pfl_decoder_run.
enum pfl_status pfl_isal_run(
    struct pfl_isal *isal, const uint8_t *input, size_t input_count, size_t *taken, uint8_t *output,
    size_t output_count, size_t *given);
