// What kernels call to wait, to exchange, and to access atomically; the dialect declares the same functions.
#pragma once

namespace simt
{
    // What was released in an earlier launch concerns this one no more.
    void forget_releases();
}
