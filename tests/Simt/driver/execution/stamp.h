// A stamp of 64 bits says who accessed a word when: block, thread, the thread's time, whether atomically, and which
// bytes.
#pragma once
#include <cstdint>

namespace simt
{
    struct Stamp
    {
        static constexpr unsigned TimeBits = 23, SerialBits = 26;
        static constexpr uint32_t LastTime = (1u << TimeBits) - 1, LastSerial = (1u << SerialBits) - 1;
        static constexpr uint64_t Atomic = 16, Bytes = 15;

        static uint64_t of(uint32_t serial, uint32_t thread, uint32_t time)
        {
            return uint64_t(serial) << 38 | uint64_t(thread) << 28 | uint64_t(time) << 5;
        }

        static uint32_t serial(uint64_t stamp) { return uint32_t(stamp >> 38); }
        static uint32_t thread(uint64_t stamp) { return uint32_t(stamp >> 28) & 1023; }
        static uint32_t time(uint64_t stamp) { return uint32_t(stamp >> 5) & LastTime; }
        static uint64_t warp(uint64_t stamp) { return stamp >> 33; }
        static uint64_t who(uint64_t stamp) { return stamp >> 28; }
        static uint64_t who_and_when(uint64_t stamp) { return stamp >> 5; }
    };
}
