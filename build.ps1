# Finds a .NET 10 SDK (on the PATH, else in .dotnet/, else installed there) and hands all arguments to build/.
$ErrorActionPreference = 'Stop'
$env:DOTNET_NOLOGO = '1'
$env:DOTNET_CLI_TELEMETRY_OPTOUT = '1'
$ownSdk = Join-Path $PSScriptRoot '.dotnet'

function Test-Sdk($command) {
    [bool](Get-Command $command -ErrorAction SilentlyContinue) -and
        [bool](& $command --list-sdks | Where-Object { $_ -match '^10\.0\.\d+ ' })
}

function Install-Sdk {
    $script = Join-Path $ownSdk 'dotnet-install.ps1'
    Write-Host "No .NET 10 SDK here: installing one into .dotnet/ by Microsoft's script."
    New-Item -ItemType Directory -Force $ownSdk | Out-Null
    Invoke-WebRequest -UseBasicParsing -TimeoutSec 30 https://dot.net/v1/dotnet-install.ps1 -OutFile $script
    & $script -Channel 10.0 -InstallDir $ownSdk -NoPath | Out-Host
}

# The words as they were typed. Where a command line is PowerShell's own, not that of pwsh -File, it has made a list of
# 100,100, two words of -a.png or -o:a, and has taken away the first --.
function Get-Words($values, $typed) {
    $plain = [string[]]@($values | ForEach-Object { $_ -join ',' })
    if (-not $typed) { return $plain }
    $command = [Management.Automation.Language.Parser]::ParseInput($typed, [ref]$null, [ref]$null).Find(
        { $args[0] -is [Management.Automation.Language.CommandAst] }, $false)
    $words = [Collections.Generic.List[string]]::new()
    $next = 0
    $end = -1
    $isBehindDashes = $false
    foreach ($element in $command.CommandElements | Select-Object -Skip 1) {
        if ($element.Extent.Text -eq '--' -and -not $isBehindDashes) {
            $words.Add('--')
            $isBehindDashes = $true
        } elseif ($element.Argument) {
            $words.Add($plain[$next] + $plain[$next + 1])
            $next += 2
        } elseif ($element.Extent.StartOffset -eq $end) {
            $words[$words.Count - 1] += $plain[$next++]
        } else {
            $words.Add($plain[$next++])
        }
        $end = $element.Extent.EndOffset
    }
    # A list that was splatted is more words than one.
    if ($next -eq $plain.Count) { $words.ToArray() } else { $plain }
}

$dotnet = 'dotnet'
if (-not (Test-Sdk $dotnet)) {
    $dotnet = Join-Path $ownSdk 'dotnet'
    $env:DOTNET_ROOT = $ownSdk
    $env:PATH = $ownSdk + [IO.Path]::PathSeparator + $env:PATH
    if (-not (Test-Sdk $dotnet)) {
        try { Install-Sdk } catch { Write-Host $_ }
        if (-not (Test-Sdk $dotnet)) {
            $page = 'https://dotnet.microsoft.com/download/dotnet/10.0'
            Write-Host "No .NET 10 SDK could be installed: get it as $page says, then run this again."
            exit 1
        }
    }
}

# A configuration of its own, so that building the solution never overwrites the program that is building it.
$tool = Join-Path $PSScriptRoot 'artifacts/bin/Build/tool/Build.dll'
$built = if (Test-Path $tool) { (Get-Item $tool).LastWriteTimeUtc } else { [DateTime]::MinValue }
$sources = 'build', 'build/*', 'Directory.Build.props', 'Directory.Packages.props', 'global.json'
$files = $sources | ForEach-Object { Get-Item (Join-Path $PSScriptRoot $_) }
if ($files | Where-Object { $_.LastWriteTimeUtc -gt $built }) {
    Push-Location $PSScriptRoot
    $log = & $dotnet build build -c Tool -v q --nologo
    $code = $LASTEXITCODE
    Pop-Location
    if ($code -ne 0) {
        $log | Out-Host
        exit 1
    }
    (Get-Item $tool).LastWriteTimeUtc = [DateTime]::UtcNow
}
& $dotnet $tool (Get-Words $args $MyInvocation.Statement)
exit $LASTEXITCODE
