// Functions that kernels call to wait, exchange, and access memory atomically; the dialect declares them too.
#pragma once

namespace simt
{
    // Forgets the releases of earlier launches, which do not concern this one.
    void forget_releases();
}
