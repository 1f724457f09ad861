using System.Globalization;
using System.Text;

namespace Engine.Tests.Simt;

/// <summary>
/// Compares forms of instructions with values worked out by hand from NVIDIA's PTX manual. A whole warp and a part of a
/// warp run each form.
/// </summary>
public class PtxFormTests : SimtTests
{
    private const int Threads = 35;

    private string _text = "";

    private static IEnumerable<TestCaseData> Forms =>
        PtxFormTable.All.Select(form => new TestCaseData(form[0], form[1], form[2..]).SetArgDisplayNames(
            $"{form[0]} of {string.Join(" and ", form[2..])} is {form[1]}"));

    private protected override byte[] Image => Encoding.ASCII.GetBytes(_text + "\0");

    [TestCaseSource(nameof(Forms))]
    public void A_form_gives_what_the_manual_says(string form, string expected, string[] operands)
    {
        var body = new StringBuilder();
        string[] registers = [.. operands.Select((operand, i) => Operand(operand, i + 1, body))];
        (string type, ulong bits) = Value(expected);
        body.AppendLine($"{form} {Register(type, 0)}, {string.Join(", ", registers)};");
        if (type == "pred")
        {
            body.AppendLine("selp.u32 %r0, 1, 0, %pp0;");
        }

        int bytes = type is "b64" or "f64" ? 8 : 4;
        body.AppendLine(type == "b16" ? "cvt.u32.u16 %r0, %rs0;" : "");
        body.AppendLine($"st.global.b{8 * bytes} [%rd9], {Register(type is "pred" or "b16" ? "b32" : type, 0)};");

        byte[] results = Run(body.ToString(), bytes);

        byte[] one = BitConverter.GetBytes(bits)[..bytes];
        Assert.That(results, Is.EqualTo(Enumerable.Repeat(one, Threads).SelectMany(each => each)));
    }

    [Test]
    public void A_carry_goes_from_one_addition_to_the_next() => Assert.That(
        BitConverter.ToUInt64(Run(
            """
            add.cc.u32 %r1, 0xffffffff, 1;
            addc.cc.u32 %r2, 0xffffffff, 0;
            addc.u32 %r3, 5, 0;
            mov.b64 %rd1, {%r2, %r3};
            st.global.u64 [%rd9], %rd1;
            """,
            8)),
        Is.EqualTo(6ul << 32));

    [Test]
    public void A_product_of_64_bits_is_made_of_four() => Assert.That(
        BitConverter.ToUInt64(Run(
            """
            mov.u64 %rd1, 0xffffffffffffffff;
            mov.b64 {%r1, %r2}, %rd1;
            mul.lo.u32 %r3, %r1, 3;
            mad.lo.cc.u32 %r3, %r1, 3, 0;
            madc.hi.u32 %r4, %r1, 3, 0;
            mad.lo.cc.u32 %r4, %r2, 3, %r4;
            mov.b64 %rd2, {%r3, %r4};
            st.global.u64 [%rd9], %rd2;
            """,
            8)),
        Is.EqualTo(unchecked(ulong.MaxValue * 3)));

    [TestCase("down", 1u, 31u, 3, ExpectedResult = 4u)]
    [TestCase("down", 1u, 31u, 31, ExpectedResult = 31u)]
    [TestCase("up", 2u, 0u, 5, ExpectedResult = 3u)]
    [TestCase("up", 2u, 0u, 1, ExpectedResult = 1u)]
    [TestCase("bfly", 16u, 31u, 3, ExpectedResult = 19u)]
    [TestCase("idx", 7u, 31u, 3, ExpectedResult = 7u)]
    // The upper bits of the clamp cut the warp into segments, here of 8 lanes.
    [TestCase("down", 1u, 0x181fu, 7, ExpectedResult = 7u)]
    [TestCase("idx", 2u, 0x181fu, 13, ExpectedResult = 10u)]
    public uint A_shuffle_takes_from_the_lane_that_it_names(string way, uint by, uint clamp, int lane)
    {
        byte[] results = Run(
            $"mov.u32 %r1, %laneid; shfl.sync.{way}.b32 %r0|%pp1, %r1, {by}, {clamp}, %r8; st.global.u32 [%rd9], %r0;",
            4,
            threads: 32);
        return BitConverter.ToUInt32(results, 4 * lane);
    }

    /// <summary>
    /// Each lane has its place in the fragments, and the product ignores the lower 13 bits of its factors. A's rows are
    /// all 1. B[k][n] is the number of the lane that holds it, 4 n + k, for k below 4, and 2 for the other k. C is 1/2.
    /// </summary>
    [TestCase(2, 0)]
    [TestCase(3, 1)]
    [TestCase(4, 0)]
    [TestCase(5, 1)]
    public void Fragments_of_matrices_are_multiplied(int result, int column)
    {
        byte[] results = Run(
            $$"""
            mov.u32 %r1, %laneid;
            cvt.rn.f32.u32 %f1, %r1;
            mov.b32 %r2, %f1;
            mov.b32 %r3, 0x3f801fff;
            mov.b32 %r4, 0x40001fff;
            mov.f32 %f6, 0f3f000000;
            mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f2, %f3, %f4, %f5}, {%r3, %r3, %r3, %r3}, {%r2, %r4}, {%f6, %f6, %f6, %f6};
            st.global.f32 [%rd9], %f{{result}};
            """,
            4,
            threads: 32);

        Assert.That(
            Enumerable.Range(0, 32).Select(lane => BitConverter.ToSingle(results, 4 * lane)),
            Is.EqualTo(Enumerable.Range(0, 32).Select(lane =>
                (4 * 4 * ((2 * (lane % 4)) + column)) + (0 + 1 + 2 + 3) + (4 * 2) + 0.5f)));
    }

    [Test]
    public void Groups_of_copies_are_waited_for_one_by_one()
    {
        byte[] results = Run(
            """
            .shared .align 16 .b8 both[32];
            st.global.u32 [%rd9], 7;
            mov.u32 %r1, both;
            cp.async.ca.shared.global [%r1], [%rd9], 4;
            cp.async.commit_group;
            cp.async.ca.shared.global [%r1+16], [%rd9], 4;
            cp.async.commit_group;
            cp.async.wait_group 1;
            ld.shared.u32 %r2, [%r1];
            cp.async.wait_group 0;
            ld.shared.u32 %r3, [%r1+16];
            add.s32 %r2, %r2, %r3;
            st.global.u32 [%rd9], %r2;
            """,
            4,
            threads: 1);

        Assert.That(BitConverter.ToInt32(results), Is.EqualTo(14));
    }

    [Test]
    public void Vectors_narrow_numbers_and_a_threads_own_memory_are_loaded_and_stored()
    {
        byte[] results = Run(
            """
            .local .align 8 .b8 own[16];
            mov.u64 %rd1, own;
            st.local.v4.u32 [%rd1], {1, 2, 0x8003, 0x80};
            ld.local.s8 %r1, [%rd1+12];
            ld.local.s16 %r2, [%rd1+8];
            ld.local.u16 %rd2, [%rd1+8];
            cvta.local.u64 %rd3, %rd1;
            ld.v2.u32 {%r3, %r4}, [%rd3];
            add.s32 %r5, %r3, %r4;
            add.s32 %r1, %r1, %r2;
            cvt.u32.u64 %r2, %rd2;
            add.s32 %r1, %r1, %r2;
            add.s32 %r1, %r1, %r5;
            st.global.u32 [%rd9], %r1;
            """,
            4);

        Assert.That(BitConverter.ToInt32(results), Is.EqualTo(-128 + (0x8003 - 0x10000) + 0x8003 + 3));
    }

    [Test]
    public void An_instruction_with_a_predicate_is_left_out_by_the_lanes_that_it_does_not_hold_for()
    {
        byte[] results = Run(
            """
            mov.u32 %r1, %tid.x;
            and.b32 %r2, %r1, 1;
            setp.eq.s32 %pp1, %r2, 0;
            mov.u32 %r0, 7;
            @%pp1 mov.u32 %r0, 9;
            @!%pp1 add.s32 %r0, %r0, 1;
            st.global.u32 [%rd9], %r0;
            """,
            4);

        Assert.That(
            Enumerable.Range(0, Threads).Select(i => BitConverter.ToInt32(results, 4 * i)),
            Is.EqualTo(Enumerable.Range(0, Threads).Select(i => i % 2 == 0 ? 9 : 8)));
    }

    /// <summary>
    /// Global memory comes in sectors of 32 bytes; shared memory has 32 banks of 4 bytes and reads one word of each
    /// bank in a pass.
    /// </summary>
    [TestCase("global", 4, "sectorsAsked", 4)]
    [TestCase("global", 4, "sectorsNeeded", 4)]
    [TestCase("global", 32, "sectorsAsked", 32)]
    [TestCase("global", 32, "sectorsNeeded", 4)]
    [TestCase("global", 0, "sectorsAsked", 1)]
    [TestCase("shared", 4, "bankConflicts", 0)]
    [TestCase("shared", 8, "bankConflicts", 1)]
    [TestCase("shared", 128, "bankConflicts", 31)]
    [TestCase("shared", 132, "bankConflicts", 0)]
    [TestCase("shared", 8, "sharedPasses", 2)]
    [TestCase("shared", 8, "warpInstructions", 14)]
    [TestCase("shared", 8, "threadInstructions", 14 * 32)]
    [TestCase("shared", 8, "fma", 1)]
    [TestCase("shared", 8, "integer", 4)]
    public unsafe void The_meter_counts_what_a_warp_asks_for(string space, int stride, string what, int expected)
    {
        ulong data = Upload(new float[1024]);
        Load(
            $"""
            .shared .align 4 .b8 own[8192];
            mul.wide.u32 %rd1, %r9, {stride};
            ld.param.u64 %rd2, [form_out];
            mov.u64 %rd3, own;
            add.s64 %rd1, %rd1, {(space == "global" ? "%rd2" : "%rd3")};
            fma.rn.f32 %f1, 0f3f800000, 0f3f800000, 0f3f800000;
            bar.sync 0;
            mov.u32 %r1, %r9;
            {(space == "global" ? "ld.global.u32 %r2, [%rd1]" : "st.shared.u32 [%rd1], %r1")};
            """);
        ((delegate* unmanaged<int, void>)SimtDouble.Cuda("simt_meter"))(1);

        Good(Launch("form", new((1, 1), 32), data));
        Good(Synchronize());

        byte[] text = new byte[4096];
        fixed (byte* start = text)
        {
            _ = ((delegate* unmanaged<byte*, int, int>)SimtDouble.Cuda("simt_counts"))(start, text.Length);
        }

        ((delegate* unmanaged<int, void>)SimtDouble.Cuda("simt_meter"))(0);
        Assert.That(Encoding.ASCII.GetString(text), Does.Match($"\"{what}\":{expected}[,}}]"));
    }

    [Test]
    public void An_unknown_opcode_is_an_error_that_names_kernel_and_line()
    {
        Load("frobnicate.s32 %r1, %r2;");

        Assert.That(() => Function("form"), Throws.InstanceOf<AssertionException>());
        Assert.That(SimtDouble.LastReport(), Does.Match(
            "kernel form cannot be run: PTX line [0-9]+: the executor does not know 'frobnicate.s32'"));
    }

    [TestCase("mov.u32 %r1, %tid.x; setp.lt.u32 %pp1, %r1, 20; @%pp1 mov.u32 %r2, 1; st.global.u32 [%rd9], %r2;",
        "uninitialized register: %r2 is read")]
    [TestCase("add.s32 %r1, %r2, 1;", "uninitialized register: %r2")]
    [TestCase("mov.u32 %r1, 4; shfl.sync.down.b32 %r0|%pp1, %r1, 1, 31, 0xffff0000;", "whose mask does not name it")]
    public void A_broken_text_is_caught(string text, string what)
    {
        Load(text);

        Good(Launch("form", new((1, 1), Threads), Allocate(8 * Threads)));

        Assert.That(Synchronize(), Is.EqualTo(719));
        Assert.That(SimtDouble.LastReport(), Does.Contain(what)
            .And.Match(@"in kernel form at PTX line [0-9]+\s+by thread \([0-9]+,0,0\)"));
    }

    private void Load(string body)
    {
        _text = $$"""
            .version 8.4
            .target sm_90
            .address_size 64
            .visible .entry form(.param .u64 form_out)
            {
            .reg .pred %pp<8>;
            .reg .b16 %rs<8>;
            .reg .b32 %r<16>;
            .reg .f32 %f<8>;
            .reg .f64 %fd<8>;
            .reg .b64 %rd<16>;
            ld.param.u64 %rd9, [form_out];
            mov.u32 %r9, %tid.x;
            mov.u32 %r8, -1;
            mul.wide.u32 %rd8, %r9, 8;
            add.s64 %rd9, %rd9, %rd8;
            {{body}}
            ret;
            }
            """;
        Load();
    }

    private byte[] Run(string body, int bytes, int threads = Threads)
    {
        Load(body);
        ulong data = Allocate(8 * threads);
        Good(Launch("form", new((1, 1), (uint)threads), data));
        Good(Synchronize());
        byte[] all = Download<byte>(data, 8 * threads);
        return [.. Enumerable.Range(0, threads).SelectMany(i => all[(8 * i)..((8 * i) + bytes)])];
    }

    /// <summary>Puts an operand into a register and returns its name; an immediate stays in the text.</summary>
    private static string Operand(string operand, int number, StringBuilder body)
    {
        (string type, ulong bits) = Value(operand);
        if (type == "imm")
        {
            return $"0x{bits:x}";
        }

        string register = Register(type, number);
        body.AppendLine(type switch
        {
            "pred" => $"setp.ne.s32 {register}, {bits}, 0;",
            "f32" => $"mov.f32 {register}, 0f{bits:x8};",
            "f64" => $"mov.f64 {register}, 0d{bits:x16};",
            _ => $"mov.{type} {register}, 0x{bits:x};",
        });
        return register;
    }

    private static string Register(string type, int number) => type switch
    {
        "pred" => $"%pp{number}",
        "b16" => $"%rs{number}",
        "f32" => $"%f{number}",
        "f64" => $"%fd{number}",
        "b64" => $"%rd{number}",
        _ => $"%r{number}",
    };

    private static (string Type, ulong Bits) Value(string text)
    {
        string[] parts = text.Split(':');
        if (!parts[1].StartsWith('='))
        {
            return (parts[0], ulong.Parse(parts[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        }

        double number = double.Parse(parts[1][1..], CultureInfo.InvariantCulture);
        return (parts[0], parts[0] == "f32"
            ? BitConverter.SingleToUInt32Bits((float)number)
            : BitConverter.DoubleToUInt64Bits(number));
    }
}
