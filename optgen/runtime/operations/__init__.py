"""Operations on whole arrays, for any library that has the names of ``keras.ops``."""
