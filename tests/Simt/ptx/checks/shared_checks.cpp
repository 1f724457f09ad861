#include "shared_checks.h"
#include "../../driver/api.h"
#include "../../driver/report.h"
#include "../forms/lanes.h"
#include <algorithm>

namespace simt::ptx
{
    namespace
    {
        using Four = uint32_t __attribute__((vector_size(16)));

        bool is_warp(uint32_t who, uint32_t warp)
        {
            return who >> 5 == warp || who == SharedChecks::SeveralOfWarp + warp;
        }

        template <class T> T load(const void* from)
        {
            T value;
            std::memcpy(&value, from, sizeof(T));
            return value;
        }
    }

    void SharedChecks::prepare(const Program& program, uint64_t dynamic_start, uint64_t dynamic_bytes)
    {
        size_t words = (dynamic_start + dynamic_bytes) / 4 + 2;
        fresh_.assign(words, 0);
        auto exists = [&](uint64_t at, uint64_t bytes) {
            for (uint64_t i = at; i < at + bytes; ++i) fresh_[i / 4] |= WordState(16 << i % 4);
        };
        for (const Variable& variable : program.shared) exists(variable.at, variable.bytes);
        exists(dynamic_start, dynamic_bytes);
        state_ = fresh_;
        if (writer_.size() >= words) return;
        writer_.assign(words, 0);
        reader_.assign(words, 0);
        writer_line_.assign(words, 0);
        byte_writer_.clear();
        time_ = 1;
    }

    void SharedChecks::start_block()
    {
        state_ = fresh_;
        open_barrier();
    }

    uint32_t SharedChecks::tick()
    {
        if (time_ < LastTime) return ++time_;
        // The clock restarts; accesses that were unordered at this moment are not detected.
        for (auto* tags : {&writer_, &reader_, &byte_writer_, &byte_reader_}) std::fill(tags->begin(), tags->end(), 0);
        floor_ = 1u << WhoBits;
        return time_ = 2;
    }

    bool SharedChecks::exists(uint32_t at, unsigned bytes) const
    {
        for (uint32_t i = at; i < at + bytes; ++i)
            if (i / 4 >= fresh_.size() || !(fresh_[i / 4] >> (4 + i % 4) & 1)) return false;
        return true;
    }

    void SharedChecks::undefine(uint32_t at, unsigned bytes)
    {
        for (uint32_t i = at; i < at + bytes; i += 4) state_[i / 4] = WordState(state_[i / 4] & 0xf0);
    }

    // Whether an earlier access may be concurrent: by another thread, since the latest barrier, and not before a
    // __syncwarp in which both took part.
    bool SharedChecks::collides(uint32_t tag, const Warp& warp, int lane) const
    {
        uint32_t who = tag & WhoMask, time = tag >> WhoBits;
        if (tag < floor_ || who == warp.thread(lane)) return false;
        if (!is_warp(who, warp.number)) return true;
        if (time < warp.synced.shared) return false;
        const WarpSync& some = warp.partly_synced[size_t(lane)];
        return who >= SeveralOfWarp || time >= some.shared || !(some.mask >> (who & 31) & 1);
    }

    // The readers of a word: one thread, several of a warp, or several warps.
    uint32_t SharedChecks::merged(uint32_t reader, const Warp& warp, int lane, uint32_t now) const
    {
        uint32_t who = reader & WhoMask;
        if (!collides(reader, warp, lane)) return now | warp.thread(lane);
        return now | (is_warp(who, warp.number) ? SeveralOfWarp + warp.number : SeveralWarps);
    }

    // 32 consecutive words, as in most accesses: checked at once. False if anything unusual is found.
    template <bool Write> bool SharedChecks::contiguous(Warp& warp, const uint32_t* at, int32_t line)
    {
        uint32_t first = at[0] / 4, mine = time_ << WhoBits | warp.thread(0), bad = 0;
        uint32_t *writer = &writer_[first], *reader = &reader_[first];
        WordState* state = &state_[first];
        for (int lane = 0; lane < Lanes; ++lane)
        {
            uint32_t w = writer[lane], r = reader[lane], me = mine + uint32_t(lane);
            bad |= uint32_t(w >= floor_) & uint32_t(((w ^ me) & WhoMask) != 0);
            bad |= uint32_t(r >= floor_) & uint32_t(((r ^ me) & WhoMask) != 0);
            bad |= uint32_t(Write ? state[lane] < 0xf0 : state[lane] != 0xff);
        }
        if (bad) return false;
        for (int lane = 0; lane < Lanes; ++lane) (Write ? writer : reader)[lane] = mine + uint32_t(lane);
        if (!Write) return true;
        std::fill_n(&writer_line_[first], Lanes, line);
        std::memset(state, 0xff, Lanes);
        return true;
    }

    const SharedChecks::Pattern& SharedChecks::pattern_of(const Step& step, const uint32_t* at, unsigned bytes)
    {
        // Reads through one address register usually have one pattern.
        Pattern& pattern = patterns_[step.row[bytes / 4] % Patterns];
        uint32_t relative[Lanes];
        for (int lane = 0; lane < Lanes; ++lane) relative[lane] = at[lane] - at[0];
        if (pattern.places && std::memcmp(relative, pattern.relative, sizeof relative) == 0) return pattern;
        std::memcpy(pattern.relative, relative, sizeof relative);
        pattern.places = 0;
        for (int lane = 0; lane < Lanes; ++lane)
        {
            int place = 0;
            while (place < pattern.places && relative[pattern.first[place]] != relative[lane]) ++place;
            pattern.alone[place] = place == pattern.places;
            if (place == pattern.places) pattern.first[pattern.places++] = uint8_t(lane);
        }
        return pattern;
    }

    // A read by all lanes of words that nobody has written since the barrier: each place is checked once. False if the
    // case is less simple; the notes made so far remain correct.
    template <int Words>
    bool SharedChecks::read_places(const Warp& warp, const uint32_t* at, const Pattern& pattern)
    {
        using Tags = std::conditional_t<Words == 4, Four, uint32_t>;
        using State = std::conditional_t<Words == 4, uint32_t, std::conditional_t<Words == 2, uint16_t, uint8_t>>;
        uint32_t now = time_ << WhoBits, several = SeveralOfWarp + warp.number;
        Tags odd{};
        State written = State(~State(0));
        for (int place = 0; place < pattern.places; ++place)
        {
            int lane = pattern.first[place];
            uint32_t first = at[lane] / 4, me = pattern.alone[place] ? warp.thread(lane) : several;
            written = State(written & load<State>(&state_[first]));
            for (uint32_t word = first; word < first + Words; word += sizeof(Tags) / 4)
            {
                Tags w = load<Tags>(&writer_[word]), r = load<Tags>(&reader_[word]);
                Tags who = r & WhoMask, mine = Tags{} + (now | me);
                if constexpr (Words == 4)
                {
                    Tags free = Tags(r < floor_) | Tags(who == me);
                    Tags same = Tags(who >> 5 == warp.number) | Tags(who == several);
                    Tags bytes = Tags(r >= floor_) & Tags(who == ByBytes);
                    odd |= Tags(w >= floor_) | bytes;
                    Tags shared = (same & (now | several)) | (~same & (now | SeveralWarps));
                    r = (bytes & r) | (~bytes & ((free & mine) | (~free & shared)));
                }
                else
                {
                    bool bytes = r >= floor_ && who == ByBytes;
                    odd |= uint32_t(w >= floor_ || bytes);
                    uint32_t shared = now | (is_warp(who, warp.number) ? several : SeveralWarps);
                    r = bytes ? r : r < floor_ || who == me ? mine : shared;
                }
                std::memcpy(&reader_[word], &r, sizeof(Tags));
            }
        }
        bool any;
        if constexpr (Words == 4)
        {
            auto halves = load<std::array<uint64_t, 2>>(&odd);
            any = (halves[0] | halves[1]) != 0;
        }
        else any = odd != 0;
        return !any && written == State(~State(0));
    }

    template <bool Write, int Words>
    void SharedChecks::words(const Step& step, Warp& warp, int lane, uint32_t at, uint32_t now)
    {
        uint32_t first = at / 4, me = now | warp.thread(lane);
        using State = std::conditional_t<Words == 4, uint32_t, std::conditional_t<Words == 2, uint16_t, uint8_t>>;
        State state = load<State>(&state_[first]), whole = State(~State(0)), exist = State(whole / 0xff * 0xf0);
        if (__builtin_expect((state & (Write ? exist : whole)) != (Write ? exist : whole), false))
            undefined(step, warp, lane, at, 4 * Words);
        using Tags = std::conditional_t<Words == 4, Four, uint32_t>;
        for (int i = 0; i < Words; i += int(sizeof(Tags) / 4))
        {
            uint32_t *writer = &writer_[first + uint32_t(i)], *reader = &reader_[first + uint32_t(i)];
            Tags w = load<Tags>(writer), r = load<Tags>(reader), odd;
            odd = ((w >= floor_) & (((w ^ me) & WhoMask) != 0)) | ((r >= floor_) & (((r ^ me) & WhoMask) != 0));
            bool any;
            if constexpr (Words == 4)
            {
                auto halves = load<std::array<uint64_t, 2>>(&odd);
                any = (halves[0] | halves[1]) != 0;
            }
            else any = odd != 0;
            if (any)
                for (int j = 0; j < int(sizeof(Tags) / 4); ++j)
                    one_by_one(step, warp, lane, first + uint32_t(i + j), Write);
            else
            {
                Tags mine = Tags{} + me;
                std::memcpy(Write ? writer : reader, &mine, sizeof(Tags));
            }
        }
        if (!Write) return;
        std::memset(&state_[first], 0xff, Words);
        for (int i = 0; i < Words; ++i) writer_line_[first + uint32_t(i)] = step.line;
    }

    // A word that other threads have accessed since the latest barrier.
    void SharedChecks::one_by_one(const Step& step, Warp& warp, int lane, uint32_t word, bool write)
    {
        uint32_t &writer = writer_[word], &reader = reader_[word], now = time_ << WhoBits;
        uint32_t several = SeveralOfWarp + warp.number;
        // The most common case by far: a word that several lanes or warps read.
        if (!write && writer < floor_ && reader >= floor_ && (reader & WhoMask) != ByBytes)
        {
            uint32_t who = reader & WhoMask;
            if (who == SeveralWarps) return;
            reader = who == several && reader >> WhoBits >= warp.synced.shared ? now | several
                                                                        : merged(reader, warp, lane, now);
            return;
        }
        bool by_bytes = (writer >= floor_ && (writer & WhoMask) == ByBytes) ||
                        (reader >= floor_ && (reader & WhoMask) == ByBytes);
        if (by_bytes)
        {
            split(word);
            for (uint32_t at = word * 4; at < word * 4 + 4; ++at)
            {
                if (collides(byte_writer_[at], warp, lane))
                    race(step, warp, lane, at, write, byte_writer_[at], true, writer_line_[word]);
                if (write && collides(byte_reader_[at], warp, lane))
                    race(step, warp, lane, at, write, byte_reader_[at], false, 0);
                if (!write) byte_reader_[at] = merged(byte_reader_[at], warp, lane, now);
            }
            if (!write) return;
        }
        else
        {
            if (collides(writer, warp, lane))
                race(step, warp, lane, word * 4, write, writer, true, writer_line_[word]);
            if (write && collides(reader, warp, lane)) race(step, warp, lane, word * 4, write, reader, false, 0);
        }
        if (write) writer = now | warp.thread(lane), reader = 0;
        else reader = merged(reader, warp, lane, now);
    }

    // From now on the word's bytes have separate tags.
    void SharedChecks::split(uint32_t word)
    {
        if (byte_writer_.size() < writer_.size() * 4)
        {
            byte_writer_.assign(writer_.size() * 4, 0);
            byte_reader_.assign(writer_.size() * 4, 0);
        }
        for (auto [tags, bytes] : {std::pair{&writer_, &byte_writer_}, std::pair{&reader_, &byte_reader_}})
        {
            uint32_t tag = (*tags)[word];
            if (tag >= floor_ && (tag & WhoMask) == ByBytes) continue;
            std::fill_n(bytes->begin() + word * 4, 4, tag);
            (*tags)[word] = time_ << WhoBits | ByBytes;
        }
    }

    template <bool Write>
    void SharedChecks::part_of_word(const Step& step, Warp& warp, int lane, uint32_t at, unsigned bytes)
    {
        uint32_t word = at / 4, now = time_ << WhoBits;
        auto mask = WordState(((1u << bytes) - 1) << at % 4);
        WordState state = state_[word], must = WordState(Write ? mask << 4 : mask);
        if ((state & must) != must) undefined(step, warp, lane, at, bytes);
        split(word);
        for (uint32_t i = at; i < at + bytes; ++i)
        {
            if (collides(byte_writer_[i], warp, lane))
                race(step, warp, lane, i, Write, byte_writer_[i], true, writer_line_[word]);
            if (Write && collides(byte_reader_[i], warp, lane))
                race(step, warp, lane, i, Write, byte_reader_[i], false, 0);
            if (Write) byte_writer_[i] = now | warp.thread(lane);
            else byte_reader_[i] = merged(byte_reader_[i], warp, lane, now);
        }
        if (!Write) return;
        state_[word] = WordState(state | mask);
        writer_line_[word] = step.line;
    }

    template <bool Write>
    void SharedChecks::access(const Step& step, Warp& warp, const uint32_t* at, unsigned bytes)
    {
        uint32_t now = time_ << WhoBits;
        if (bytes == 4 && warp.mask == AllLanes)
        {
            uint32_t apart = 0;
            for (int lane = 0; lane < Lanes; ++lane) apart |= at[lane] - at[0] - 4 * uint32_t(lane);
            if (!apart && contiguous<Write>(warp, at, step.line)) return;
        }
        if (!Write && warp.mask == AllLanes && bytes >= 4 && !warp.met)
        {
            const Pattern& pattern = pattern_of(step, at, bytes);
            bool done = bytes == 16  ? read_places<4>(warp, at, pattern)
                        : bytes == 8 ? read_places<2>(warp, at, pattern)
                                     : read_places<1>(warp, at, pattern);
            if (done) return;
        }
        switch (bytes)
        {
            case 4: each_lane(warp.mask, [&](int lane) { words<Write, 1>(step, warp, lane, at[lane], now); }); break;
            case 8: each_lane(warp.mask, [&](int lane) { words<Write, 2>(step, warp, lane, at[lane], now); }); break;
            case 16: each_lane(warp.mask, [&](int lane) { words<Write, 4>(step, warp, lane, at[lane], now); }); break;
            default:
                each_lane(warp.mask, [&](int lane) { part_of_word<Write>(step, warp, lane, at[lane], bytes); });
                break;
        }
    }

    void SharedChecks::read(const Step& step, Warp& warp, const uint32_t* at, unsigned bytes)
    {
        access<false>(step, warp, at, bytes);
    }

    void SharedChecks::write(const Step& step, Warp& warp, const uint32_t* at, unsigned bytes)
    {
        access<true>(step, warp, at, bytes);
    }

    void SharedChecks::undefined(const Step& step, Warp& warp, int lane, uint32_t at, unsigned bytes) const
    {
        if (!exists(at, bytes))
            fail(warp, step, 1u << lane, IllegalAddress,
                format("out of bounds: an access of %u bytes at ", bytes) + describe(warp, SharedWindow + at));
        for (const Warp& other : warp.block->warps)
            for (const PendingCopy& copy : other.copies)
                for (uint32_t rest = copy.mask; rest; rest &= rest - 1)
                    if (at - copy.to[__builtin_ctz(rest)] < copy.bytes)
                        fail(warp, step, 1u << lane, LaunchFailed,
                            "uninitialized read: at " + describe(warp, SharedWindow + at) +
                                ", to which the asynchronous copy of " +
                                place_of(*warp.block->grid->program->module, copy.line) + " has not been waited for");
        fail(warp, step, 1u << lane, LaunchFailed,
            format("uninitialized read: a read of %u bytes at ", bytes) + describe(warp, SharedWindow + at) +
                ", which nothing has written");
    }

    void SharedChecks::race(const Step& step, Warp& warp, int lane, uint32_t at, bool write, uint32_t other,
        bool other_wrote, int32_t line) const
    {
        uint32_t who = other & WhoMask;
        std::string by = who < SeveralOfWarp                 ? name_of(*warp.block, who)
                         : who < SeveralWarps                ? format("threads of warp %u", who - SeveralOfWarp)
                         : who == SharedChecks::SeveralWarps ? "threads of several warps"
                                                             : "other threads";
        std::string text = std::string("race within a block: a ") + (write ? "write" : "read") + " at " +
                           describe(warp, SharedWindow + at) + "\n  not ordered after a " +
                           (other_wrote ? "write" : "read") + " by " + by;
        if (line) text += " at " + place_of(*warp.block->grid->program->module, line);
        fail(warp, step, 1u << lane, LaunchFailed, text);
    }
}
