// Tensor cores: a warp's product of small matrices of which each lane holds a part.
#include "../../dialect/halves.h"
#include "lanes.h"
#include "../checks/spaces.h"

namespace simt::ptx
{
    namespace
    {
        // To 10 bits of mantissa: to the nearest, ties away from zero.
        struct ToTensorFloat
        {
            uint32_t operator()(uint32_t bits) const
            {
                return (bits & 0x7fffffffu) > 0x7f800000u    ? 0x7fffffffu
                       : (bits & 0x7fffffffu) == 0x7f800000u ? bits
                                                             : (bits + 0x1000u) & 0xffffe000u;
            }
        };

        // Its lower 13 bits are ignored.
        double of_tensor_float(uint32_t bits)
        {
            float x;
            bits &= 0xffffe000u;
            std::memcpy(&x, &bits, sizeof x);
            return x;
        }

        // d (4), a (4), b (2), c (4), mask: d = a b + c, of 16 x 8, 8 x 8 and 16 x 8 elements. The manual does not
        // define the order and the rounding of its sums: here they are exact, rounded once.
        void multiply(const Step& step, Warp& warp)
        {
            constexpr size_t A = 4, B = 8, C = 10;
            double a[16][8], b[8][8];
            float d[4][Lanes];
            for (int lane = 0; lane < Lanes; ++lane)
            {
                int g = lane / 4, t = lane % 4;
                for (int i = 0; i < 4; ++i)
                    a[g + i % 2 * 8][t + i / 2 * 4] =
                        of_tensor_float(get<uint32_t>(warp.row(step.row[A + size_t(i)]), lane));
                for (int i = 0; i < 2; ++i)
                    b[t + i * 4][g] = of_tensor_float(get<uint32_t>(warp.row(step.row[B + size_t(i)]), lane));
            }
            for (int i = 0; i < 4; ++i)
                for (int lane = 0; lane < Lanes; ++lane)
                {
                    int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
                    double sum = get<float>(warp.row(step.row[C + size_t(i)]), lane);
                    for (int k = 0; k < 8; ++k) sum += a[row][k] * b[k][column];
                    d[i][lane] = float(sum);
                }
            for (int i = 0; i < 4; ++i)
                for (int lane = 0; lane < Lanes; ++lane) put<float>(warp.row(step.row[size_t(i)]), lane, d[i][lane]);
        }

        struct OfHalf
        {
            double operator()(uint16_t bits) const { return double(of_half(bits)); }
        };
        struct OfBrainFloat
        {
            double operator()(uint16_t bits) const
            {
                uint32_t wide = uint32_t(bits) << 16;
                float x;
                std::memcpy(&x, &wide, sizeof x);
                return double(x);
            }
        };

        // The same for 16 x 16 and 16 x 8 numbers of 16 bits; a register has two neighbors along k.
        template <class Of> void multiply_halves(const Step& step, Warp& warp)
        {
            constexpr size_t A = 4, B = 8, C = 10;
            double a[16][16], b[16][8];
            float d[4][Lanes];
            for (int lane = 0; lane < Lanes; ++lane)
            {
                int g = lane / 4, t = lane % 4 * 2;
                for (int j = 0; j < 2; ++j)
                {
                    for (int i = 0; i < 4; ++i)
                        a[g + i % 2 * 8][t + i / 2 * 8 + j] =
                            Of()(uint16_t(get<uint32_t>(warp.row(step.row[A + size_t(i)]), lane) >> (16 * j)));
                    for (int i = 0; i < 2; ++i)
                        b[t + i * 8 + j][g] =
                            Of()(uint16_t(get<uint32_t>(warp.row(step.row[B + size_t(i)]), lane) >> (16 * j)));
                }
            }
            for (int i = 0; i < 4; ++i)
                for (int lane = 0; lane < Lanes; ++lane)
                {
                    int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
                    double sum = get<float>(warp.row(step.row[C + size_t(i)]), lane);
                    for (int k = 0; k < 16; ++k) sum += a[row][k] * b[k][column];
                    d[i][lane] = float(sum);
                }
            for (int i = 0; i < 4; ++i)
                for (int lane = 0; lane < Lanes; ++lane) put<float>(warp.row(step.row[size_t(i)]), lane, d[i][lane]);
        }

        // values (4), address, mask: four matrices of 8 x 8 numbers of 16 bits. Lane l gives the address of row l % 8
        // of matrix l / 8.
        template <bool Transposed> void read_matrices(const Step& step, Warp& warp)
        {
            constexpr int Matrices = 4, Bytes = 16;
            alignas(64) uint64_t at[Lanes];
            addresses(step, warp, Matrices, at);
            const char* from[Lanes];
            Shared::reach(step, warp, at, Bytes, {false, false}, from);
            uint32_t values[Matrices][Lanes];
            for (int i = 0; i < Matrices; ++i)
                for (int lane = 0; lane < Lanes; ++lane)
                {
                    uint16_t pair[2];
                    for (int j = 0; j < 2; ++j)
                    {
                        int upper = lane / 4, lower = lane % 4 * 2 + j;
                        int row = Transposed ? lower : upper, column = Transposed ? upper : lower;
                        std::memcpy(&pair[j], from[i * 8 + row] + 2 * column, 2);
                    }
                    values[i][lane] = pair[0] | uint32_t(pair[1]) << 16;
                }
            for (int i = 0; i < Matrices; ++i)
                for (int lane = 0; lane < Lanes; ++lane)
                    put<uint32_t>(warp.row(step.row[size_t(i)]), lane, values[i][lane]);
        }
    }

    void add_tensor(Table& t)
    {
        t["cvt.rna.tf32.f32"] = lanewise<ToTensorFloat, uint32_t, uint32_t>(Class::Move);
        Form form = stepwise(multiply, Class::Tensor, 4, std::vector<uint8_t>(15, 4));
        form.collective = true;
        t["mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32"] = form;
        form = stepwise(multiply_halves<OfHalf>, Class::Tensor, 4, std::vector<uint8_t>(15, 4));
        form.collective = true;
        t["mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32"] = form;
        form = stepwise(multiply_halves<OfBrainFloat>, Class::Tensor, 4, std::vector<uint8_t>(15, 4));
        form.collective = true;
        t["mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"] = form;
        for (bool transposed : {false, true})
        {
            form = stepwise(
                transposed ? read_matrices<true> : read_matrices<false>, Class::Shared, 4, {4, 4, 4, 4, 8, 4});
            form.collective = true;
            for (const char* space : {"shared", "shared::cta"})
                t[std::string("ldmatrix.sync.aligned.m8n8.x4") + (transposed ? ".trans." : ".") + space + ".b16"] = form;
        }
    }
}
