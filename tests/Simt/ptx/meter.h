// Keeps the counts of launches for simt_meter and simt_counts.
#pragma once
#include "counts.h"

namespace simt::ptx
{
    bool metering();
    void remember(Counts counts);
}
