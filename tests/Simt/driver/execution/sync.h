// The functions with which kernels wait, exchange values and access memory atomically; the dialect declares the same.
#pragma once

namespace simt
{
    // Releases of an earlier launch do not matter for this one.
    void forget_releases();
}
