#include "../driver/api.h"
#include "draft.h"
#include "machine.h"
#include <algorithm>

namespace simt::ptx
{
    Liveness::Liveness(const Draft& draft)
    {
        size_t pieces = draft.pieces.size(), registers = draft.registers.size();
        std::vector<Set> reads(pieces, Set(registers)), writes = reads;
        in = out = reads;
        for (size_t p = 0; p < pieces; ++p)
        {
            auto read = [&](int r) {
                if (r >= 0 && !writes[p].has(r)) reads[p].add(r);
            };
            for (int s = draft.pieces[p].first; s < draft.pieces[p].last; ++s)
            {
                const DraftStep& step = draft.steps[size_t(s)];
                for (size_t o = size_t(step.writes); o < step.rows.size(); ++o) read(step.rows[o]);
                for (size_t o = 0; o < size_t(step.writes); ++o) writes[p].add(step.rows[o]);
            }
            read(draft.predicates[p]);
        }
        for (bool changed = true; changed;)
        {
            changed = false;
            for (size_t p = pieces; p-- > 0;)
            {
                const Piece& piece = draft.pieces[p];
                bool always = piece.end == Piece::Branches && draft.predicates[p] < 0;
                bool falls = piece.end != Piece::Returns && !always && p + 1 < pieces;
                for (size_t w = 0; w < in[p].words.size(); ++w)
                {
                    uint64_t after = (falls ? in[p + 1].words[w] : 0) |
                                     (piece.target >= 0 ? in[size_t(piece.target)].words[w] : 0);
                    uint64_t before = reads[p].words[w] | (after & ~writes[p].words[w]);
                    changed |= after != out[p].words[w] || before != in[p].words[w];
                    out[p].words[w] = after;
                    in[p].words[w] = before;
                }
            }
        }
    }

    namespace
    {
        // The step's offset holds the watched register's number.
        void note_written(const Step& step, Warp& warp) { warp.defined[size_t(step.offset)] |= warp.mask; }

        void require_written(const Step& step, Warp& warp)
        {
            uint32_t missing = warp.mask & ~warp.defined[size_t(step.offset)];
            if (!missing) return;
            const std::string& name = warp.block->grid->program->maybe_undefined[size_t(step.offset)];
            fail(warp, step, missing, LaunchFailed,
                "uninitialized register: " + name + " is read, which nothing has written");
        }

        DraftStep watch(Handler handler, int number, int line)
        {
            return {{handler, handler, {}, number, line}, {}, 0};
        }
    }

    void check_undefined(Draft& draft)
    {
        Liveness alive(draft);
        std::map<int, int> watched;
        alive.in[0].each([&](int r) {
            watched[r] = int(draft.maybe_undefined.size());
            draft.maybe_undefined.push_back(draft.names[size_t(r)]);
        });
        if (watched.empty()) return;
        std::vector<DraftStep> steps;
        for (size_t p = 0; p < draft.pieces.size(); ++p)
        {
            Piece& piece = draft.pieces[p];
            int first = int(steps.size());
            for (int s = piece.first; s < piece.last; ++s)
            {
                DraftStep& step = draft.steps[size_t(s)];
                for (size_t o = size_t(step.writes); o < step.rows.size(); ++o)
                    if (auto found = watched.find(step.rows[o]); found != watched.end())
                        steps.push_back(watch(require_written, found->second, step.step.line));
                steps.push_back(step);
                for (size_t o = 0; o < size_t(step.writes); ++o)
                    if (auto found = watched.find(step.rows[o]); found != watched.end())
                        steps.push_back(watch(note_written, found->second, step.step.line));
            }
            if (auto found = watched.find(draft.predicates[p]); found != watched.end())
                steps.push_back(watch(require_written, found->second, piece.line));
            piece.first = first;
            piece.last = int(steps.size());
        }
        draft.steps = std::move(steps);
    }

    namespace
    {
        // The interval in which a register is needed. Step i reads at 2i and writes at 2i + 1. All text between counts,
        // even if no jump leads there, so that diverged lanes never overwrite each other's registers.
        struct Life
        {
            int first = INT32_MAX, last = -1;
            void touch(int time)
            {
                first = std::min(first, time);
                last = std::max(last, time);
            }
        };

        std::vector<Life> lives(const Draft& draft)
        {
            Liveness alive(draft);
            std::vector<Life> all(draft.registers.size());
            auto touch = [&](int r, int time) {
                if (r >= 0) all[size_t(r)].touch(time);
            };
            for (size_t p = 0; p < draft.pieces.size(); ++p)
            {
                const Piece& piece = draft.pieces[p];
                alive.in[p].each([&](int r) { touch(r, 2 * piece.first - 1); });
                alive.out[p].each([&](int r) { touch(r, 2 * piece.last); });
                touch(draft.predicates[p], 2 * piece.last);
                touch(piece.members, 2 * piece.first);
                for (int s = piece.first; s < piece.last; ++s)
                {
                    const DraftStep& step = draft.steps[size_t(s)];
                    for (size_t o = 0; o < step.rows.size(); ++o)
                        touch(step.rows[o], 2 * s + (o < size_t(step.writes)));
                }
            }
            return all;
        }

        std::vector<int> share(const Draft& draft, int& rows)
        {
            std::vector<Life> life = lives(draft);
            std::vector<int> order, place(life.size(), 0), active, free[2];
            for (size_t r = 0; r < life.size(); ++r)
                if (life[r].last >= 0) order.push_back(int(r));
            std::sort(order.begin(), order.end(),
                [&](int a, int b) { return life[size_t(a)].first < life[size_t(b)].first; });
            for (int r : order)
            {
                for (size_t a = 0; a < active.size();)
                {
                    size_t other = size_t(active[a]);
                    if (life[other].last >= life[size_t(r)].first)
                    {
                        ++a;
                        continue;
                    }
                    free[draft.registers[other].bytes == 8].push_back(place[other]);
                    active[a] = active.back();
                    active.pop_back();
                }
                int wide = draft.registers[size_t(r)].bytes == 8;
                if (free[wide].empty())
                {
                    place[size_t(r)] = rows;
                    rows += wide ? 2 : 1;
                }
                else
                {
                    place[size_t(r)] = free[wide].back();
                    free[wide].pop_back();
                }
                active.push_back(r);
            }
            return place;
        }
    }

    void assign_rows(Draft& draft, Program& program)
    {
        std::vector<int> place = share(draft, program.rows), constant;
        for (const DraftConstant& c : draft.constants)
        {
            constant.push_back(program.rows);
            if (c.special.empty()) program.constants.push_back({program.rows, c.bytes, c.bits});
            else program.specials.emplace_back(c.special, program.rows);
            program.rows += c.bytes == 8 ? 2 : 1;
        }
        if (program.rows > UINT16_MAX) throw Error(0, "a kernel of too many registers");
        auto row = [&](int r) { return r >= 0 ? place[size_t(r)] : constant[size_t(-1 - r)]; };
        for (DraftStep& step : draft.steps)
        {
            for (size_t o = 0; o < step.rows.size(); ++o) step.step.row[o] = uint16_t(row(step.rows[o]));
            program.steps.push_back(step.step);
        }
        for (size_t p = 0; p < draft.pieces.size(); ++p)
        {
            Piece& piece = draft.pieces[p];
            piece.predicate = draft.predicates[p] < 0 ? -1 : row(draft.predicates[p]);
            if (piece.collective) piece.members = row(piece.members);
        }
        program.pieces = draft.pieces;
        program.maybe_undefined = draft.maybe_undefined;
    }
}
