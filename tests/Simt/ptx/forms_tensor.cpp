// Tensor cores: a warp's product of small matrices, of which each lane holds a part.
#include "lanes.h"

namespace simt::ptx
{
    namespace
    {
        // Rounds to the nearest number with 10 bits of mantissa, ties away from zero.
        struct ToTensorFloat
        {
            uint32_t operator()(uint32_t bits) const
            {
                return (bits & 0x7fffffffu) > 0x7f800000u    ? 0x7fffffffu
                       : (bits & 0x7fffffffu) == 0x7f800000u ? bits
                                                             : (bits + 0x1000u) & 0xffffe000u;
            }
        };

        // Ignores the lower 13 bits.
        double of_tensor_float(uint32_t bits)
        {
            float x;
            bits &= 0xffffe000u;
            std::memcpy(&x, &bits, sizeof x);
            return x;
        }

        // d (4), a (4), b (2), c (4), mask: d = a b + c, of 16 x 8, 8 x 8 and 16 x 8 elements. The manual defines
        // neither the order of the sums nor the rounding of partial sums; here the exact sum is rounded once.
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
    }

    void add_tensor(Table& t)
    {
        t["cvt.rna.tf32.f32"] = lanewise<ToTensorFloat, uint32_t, uint32_t>(Class::Move);
        Form form = stepwise(multiply, Class::Tensor, 4, std::vector<uint8_t>(15, 4));
        form.collective = true;
        t["mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32"] = form;
    }
}
