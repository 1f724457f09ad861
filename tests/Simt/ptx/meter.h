// The counts of launches, which simt_meter and simt_counts return.
#pragma once
#include "counts.h"

namespace simt::ptx
{
    bool metering();
    void remember(Counts counts);
}
