// The counts of launches, kept for whoever asks (simt_meter, simt_counts).
#pragma once
#include "counts.h"

namespace simt::ptx
{
    bool metering();
    void remember(Counts counts);
}
