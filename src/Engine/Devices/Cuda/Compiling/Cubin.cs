using System.Buffers.Binary;
using System.Text;

namespace Engine.Devices.Cuda;

/// <summary>
/// Reads the resources of a kernel from its machine code. A cubin is an ELF file with a few sections for each kernel.
/// The length of <c>.nv.shared.name</c> is the shared memory. Attributes in <c>.nv.info</c> give the number of
/// registers, and the size of the stack, which includes spilled registers.
/// </summary>
internal static class Cubin
{
    private const int MachineOffset = 18, CudaMachine = 190;
    private const int SectionsOffset = 40, SectionBytesOffset = 58, SectionCountOffset = 60, NamesIndexOffset = 62;
    private const int SectionOffset = 24, SectionSize = 32, SectionLink = 40;
    private const int SymbolBytes = 24;
    private const byte SizedValue = 4, FrameSize = 0x11, RegisterCount = 0x2F;

    /// <summary>
    /// From compute capability 9.0 on, the section includes the shared memory that the system reserves for each block.
    /// </summary>
    private const int ReservedFrom = 90, ReservedBytes = 1024;

    /// <summary>
    /// The compute capability is the lowest byte of the ELF header's flags; from ABI version 8 on (CUDA 13), it is the
    /// next higher byte: EF_CUDA_SM and EF_CUDA_SM_MASK of LLVM's ELF.h.
    /// </summary>
    private const int FlagsOffset = 48, AbiVersionOffset = 8, FlagsMovedFrom = 8;

    /// <summary>
    /// Returns the resources of a kernel; null if the image is no cubin (for example PTX) or has no such kernel.
    /// </summary>
    public static KernelResources? Resources(ReadOnlySpan<byte> image, string entry)
    {
        ReadOnlySpan<byte> magic = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2];
        if (image.Length < 64 || !image.StartsWith(magic)
            || BinaryPrimitives.ReadUInt16LittleEndian(image[MachineOffset..]) != CudaMachine)
        {
            return null;
        }

        if (Section(image, $".text.{entry}").IsEmpty)
        {
            return null;
        }

        int shared = (int)Int64(Section(image, $".nv.shared.{entry}"), SectionSize);
        bool hasReserved = Architecture(image) >= ReservedFrom && shared >= ReservedBytes;
        return new KernelResources(
            Attribute(image, entry, RegisterCount),
            hasReserved ? shared - ReservedBytes : shared,
            Attribute(image, entry, FrameSize));
    }

    private static int Architecture(ReadOnlySpan<byte> image) =>
        image[image[AbiVersionOffset] >= FlagsMovedFrom ? FlagsOffset + 1 : FlagsOffset];

    private static int Attribute(ReadOnlySpan<byte> image, string entry, byte wanted)
    {
        ReadOnlySpan<byte> attributes = Contents(image, Section(image, ".nv.info"));
        while (attributes.Length >= 4)
        {
            (byte format, byte attribute) = (attributes[0], attributes[1]);
            int length = format == SizedValue ? BinaryPrimitives.ReadUInt16LittleEndian(attributes[2..]) : 0;
            if (format == SizedValue && attribute == wanted
                && Symbol(image, (int)Int32(attributes, 4)).SequenceEqual(Encoding.UTF8.GetBytes(entry)))
            {
                return (int)Int32(attributes, 8);
            }

            attributes = attributes[(4 + length)..];
        }

        return 0;
    }

    private static ReadOnlySpan<byte> Symbol(ReadOnlySpan<byte> image, int number)
    {
        ReadOnlySpan<byte> header = Section(image, ".symtab");
        ReadOnlySpan<byte> symbol = Contents(image, header)[(number * SymbolBytes)..];
        return Text(Contents(image, Header(image, (int)Int32(header, SectionLink))), (int)Int32(symbol, 0));
    }

    /// <summary>Returns the header of the section with a name; empty if there is none.</summary>
    private static ReadOnlySpan<byte> Section(ReadOnlySpan<byte> image, string name)
    {
        ReadOnlySpan<byte> names = Contents(
            image, Header(image, BinaryPrimitives.ReadUInt16LittleEndian(image[NamesIndexOffset..])));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(image[SectionCountOffset..]);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = Header(image, i);
            if (Text(names, (int)Int32(header, 0)).SequenceEqual(Encoding.UTF8.GetBytes(name)))
            {
                return header;
            }
        }

        return [];
    }

    private static ReadOnlySpan<byte> Header(ReadOnlySpan<byte> image, int number)
    {
        int bytes = BinaryPrimitives.ReadUInt16LittleEndian(image[SectionBytesOffset..]);
        return image.Slice((int)Int64(image, SectionsOffset) + (number * bytes), bytes);
    }

    private static ReadOnlySpan<byte> Contents(ReadOnlySpan<byte> image, ReadOnlySpan<byte> header) => header.IsEmpty
        ? []
        : image.Slice((int)Int64(header, SectionOffset), (int)Int64(header, SectionSize));

    private static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> texts, int start)
    {
        ReadOnlySpan<byte> text = texts[start..];
        return text[..text.IndexOf((byte)0)];
    }

    private static uint Int32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long Int64(ReadOnlySpan<byte> bytes, int at) =>
        bytes.IsEmpty ? 0 : BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);
}
