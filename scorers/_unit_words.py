"""The words of units: which of pint's are read, which it lacks, and which it reads as something else."""

# ruff: noqa: RUF001 - Greek and Cyrillic letters are what is listed
from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "ALIASES",
    "CASELESS",
    "DOUBTFUL",
    "FEW",
    "FIRM",
    "NOUNS",
    "OPERATIONS",
    "OWN",
    "PHRASES",
    "PINT",
    "PREFIXED",
    "PREFIXES",
    "TWINS",
    "WORDS_FOR_POWERS",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _table(text: str) -> Mapping[str, str]:
    """Read lines of `meaning: word word ...`."""
    lines = (line.partition(":") for line in text.strip().splitlines())
    return {word: meaning.strip() for meaning, _, words in lines for word in words.split()}


PINT = _words("""
    meter angstrom micron light_year astronomical_unit parsec nautical_mile inch foot yard mile hectare liter gallon
    quart pint cup tablespoon teaspoon fluid_ounce bushel cubic_centimeter
    gram metric_ton pound ounce carat slug dalton unified_atomic_mass_unit troy_ounce
    second minute hour day week fortnight hertz revolutions_per_minute revolutions_per_second
    knot mile_per_hour kilometer_per_hour kilometer_per_second meter_per_second foot_per_second
    newton dyne force_pound force_kilogram joule erg watt_hour electron_volt calorie british_thermal_unit therm
    foot_pound watt horsepower volt_ampere pascal bar standard_atmosphere torr pound_force_per_square_inch
    poise stokes mole molar katal kelvin becquerel curie gray sievert rem roentgen candela lumen lux
    ampere coulomb ampere_hour volt ohm siemens farad weber henry tesla
    radian degree arcminute arcsecond turn steradian bit byte baud ppm
    """)
"""The units that pint is asked about. Its other thousand are constants, trades and plain words: `point`, `hand`,
`bag`, `fifth`, `section`, `particle`, `are`, `at`."""

PREFIXED = _words("""
    meter gram second liter newton joule watt volt ampere ohm farad henry tesla weber siemens coulomb pascal hertz mole
    molar kelvin candela lumen lux becquerel gray sievert katal calorie electron_volt watt_hour ampere_hour volt_ampere
    bar torr radian byte bit baud metric_ton parsec rem poise stokes curie dalton dyne erg meter_per_second
    """)
"""Those that take a prefix; else a pin were a trillionth of an inch."""

PREFIXES = _words("kilo mega giga tera peta milli micro nano pico femto centi deci hecto kibi mebi gibi tebi")
FEW = {
    **dict.fromkeys(["centi", "deci", "hecto"], frozenset(["meter", "liter", "gram", "pascal"])),
    **dict.fromkeys(["pico", "femto"], _words("second meter gram liter mole farad coulomb ampere watt joule")),
}
"""Prefixes whose symbols stand before few units: `cm`, `dL`, `hPa`, never `cs`; flux is no femtolux."""

NOUNS = _words("circle circles turn turns octet octets us mul mut mcl mcd mus mum nt ut pt gt candle candles")
"""What pint would read as a unit: a turn, eight bits, microseconds, a microlitre."""

OWN = _table("""
    month 1: month months mo mos 月 个月 個月 か月 ヶ月 개월 mes meses mois monat monate месяц месяца месяцев
    month 12: year years yr yrs 年 歳 岁 년 año años année années jahr jahre год года лет
    month 120: decade decades
    month 1200: century centuries 世纪
    celsius 1: °c degc celsius centigrade degree_celsius 摄氏度 摄氏
    fahrenheit 1: °f degf fahrenheit degree_fahrenheit 华氏度
    decibel 1: db decibel decibels 分贝
    ph 1: pH
    ton 1: ton tons
    usd 1: $ dollar dollars usd buck bucks 美元 dólar dólares доллар долларов
    usd 1/100: cent cents ¢ 美分
    eur 1: € euro euros eur 欧元 евро
    gbp 1: £ gbp quid 英镑
    cny 1: 元 块钱 yuan cny rmb 人民币
    cny 1/10: 角钱 毛钱
    cny 1/100: 分钱
    yen_or_yuan 1: ¥
    jpy 1: yen jpy 円 日元 엔
    inr 1: ₹ rupee rupees inr rs
    rub 1: ₽ rub ruble rubles рубль рубля рублей руб
    krw 1: ₩ krw 원
    1: unit units 单位
    12: dozen dozens
""")
"""Kinds and factors of our own: months have no length in days, no currency is another, a dozen is a number."""

ALIASES = _table("""
    centimeter^3: cc ccm
    kilometer hour^-1: kmh kmph kmhr
    mile gallon^-1: mpg
    astronomical_unit: AU
    newton meter: Nm newtonmeter
    newton second: Ns
    joule second: Js
    kilogram: kilo kilos kgm 千克 公斤 キログラム 킬로그램 кг килограмм килограмма килограммов kilogramo kilogramos
    kilogram: kilogramme kilogrammes kilogramm
    500 gram: 斤 市斤
    50 gram: 两
    gram: gm gms 克 グラム 그램 грамм грамма граммов г gramo gramos gramme grammes gramm
    milligram: 毫克 ミリグラム мг
    metric_ton: 吨 公吨 トン 톤 tonelada toneladas тонна тонн
    meter: 米 公尺 メートル 미터 м метр метра метров metro metros mètre mètres
    kilometer: 千米 公里 キロメートル キロ 킬로미터 км километр километра километров
    kilometer: kilómetro kilómetros kilometro kilometros kilomètre kilomètres
    500 meter: 里
    decimeter: 分米 дм
    centimeter: 厘米 公分 センチメートル センチ 센티미터 см сантиметр сантиметра сантиметров
    centimeter: centímetro centímetros centimetro centimetros centimètre centimètres zentimeter
    millimeter: 毫米 ミリメートル ミリ 밀리미터 мм milímetro milímetros millimètre millimètres
    micrometer: 微米
    nanometer: 纳米
    660 foot: furlong furlongs
    6 foot: fathom fathoms
    43560 foot^2: acre acres 英亩
    2000/3 meter^2: 亩
    hectare: 公顷
    liter: ℓ 升 公升 リットル 리터 л литр литра литров litro litros
    milliliter: 毫升 ミリリットル 밀리리터 мл
    second: 秒 秒钟 秒間 초 с секунда секунды секунд segundo segundos seconde secondes sekunde sekunden
    minute: 分钟 分鐘 分間 분 мин минута минуты минут minuto minutos minuten
    hour: 小时 小時 时 時間 시간 ч час часа часов hora horas heure heures stunde stunden
    day: 天 日 일 день дня дней día días jour jours
    week: 周 星期 週 недель неделя semana semanas semaine semaines
    degree: ° 度 도 градус градуса градусов grado grados degré degrés grad
    360 degree: revolution revolutions rev revs 转
    1000 calorie: Cal kilocalories 大卡 千卡
    joule: 焦耳 焦 дж
    kilojoule: 千焦
    newton: 牛顿 牛
    watt: 瓦特 瓦 вт
    kilowatt: 千瓦
    kilowatt_hour: 千瓦时 度电
    volt: 伏特 伏
    ampere: 安培 安
    ohm: 欧姆 欧
    hertz: 赫兹 赫
    pascal: 帕斯卡 帕
    mole: 摩尔
    1/10000 tesla: gauss Gs
    1/760 standard_atmosphere: mmHg mmhg
    1000 bit: kbit
    1000000 bit: Mb Mbit
    1000000000 bit: Gb Gbit
    1000000 bit second^-1: Mbps
    electron_volt: ev
    british_thermal_unit: btu btus
    dalton: u
""")
"""Spellings for products of pint's units. The acre and its kin are pint's survey measures, two millionths longer than
43,560 square feet; `mmHg` is pint's by the density of mercury, where 760 of them are one atmosphere; `Nm` is a yarn."""

CASELESS = {
    word.casefold(): word
    for word in _words(
        "kg km cm kW kWh Hz kHz MHz GHz kPa kJ hr hrs min mins sec secs lb lbs ft oz mL rpm mph kph psi mol atm ohm bar"
    )
}
"""Symbols that are read in any case: no other unit is spelled so."""

DOUBTFUL = _words("t d M u cd lm ct pc kn kt fs ps ks pm fm au cp sr")
"""Units by their spelling, but as likely letters of a formula: the amount is never simply right without them."""

FIRM = _words(
    "N K J W V L cm mm km dm nm um kg mg ug ml mL cl cL dl dL ms ft yd mi lb oz hr yr in cc kN kJ kW kV Hz Pa"
)
"""Symbols that stand for a unit right behind a number; other letters there (`5m`, `2ab`) may be variables."""

WORDS_FOR_POWERS = {
    "square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3,
    "平方": 2, "立方": 3, "제곱": 2, "세제곱": 3, "кв": 2, "куб": 3, "квадратных": 2, "кубических": 3,
}  # fmt: skip

OPERATIONS = _words(
    "less below minus plus over times factorial mod choose and not sin cos tan log exp sqrt theta alpha beta"
)
"""Words behind a number that say what to do with it."""

PHRASES = (
    (r"light[ -]?years?", "light_year"),
    (r"nautical[ -]miles?", "nautical_mile"),
    (r"electron[ -]?volts?", "electron_volt"),
    (r"astronomical units?", "astronomical_unit"),
    (r"(?:fluid ounces?|fl\.? ?oz)", "fluid_ounce"),
    (r"(?:foot[ -]pounds?|ft[ -]?lbs?f?|ft\\cdot lbf?|pound[ -]feet|lbf?[ -]ft)", "foot_pound"),
    (r"horse[ -]power", "horsepower"),
    (r"m\.p\.h", "mph"),
    (r"metric tons?", "metric_ton"),
    (r"short tons?", "US_ton"),
    (r"degrees? ?(?:celsius|centigrade|c\b)|° ?C\b", "celsius"),
    (r"degrees? ?(?:fahrenheit|f\b)|° ?F\b", "fahrenheit"),
    (r"years?[ -]olds?", "year"),
    (r"u\.?s\.? dollars?", "usd"),
    (r"mm ?Hg", "mmHg"),
    (r"\\mu ?|micro-", "μ"),
    (r"\\(?:Omega|ohm)\b", "Ω"),
    (r"\\(?:AA|mathring ?A)\b|\\r ?A\b", "Å"),
    (r"\\(?:degree|circ)\b", "°"),
    (r"ms\s*\^?\s*\{?\s*-(?=[12])", "m s^-"),
)
"""What is rewritten before words are read; `m s` is meant by `ms^{-1}`, not one over a millisecond."""

TWINS = (
    ("C", "celsius"), ("F", "fahrenheit"), ("degree", "celsius"), ("degree", "fahrenheit"), ("pound", "gbp"),
    ("minute", "arcminute"), ("second", "arcsecond"),
)  # fmt: skip
"""Units that are written alike: the same number of each may be the same amount."""
