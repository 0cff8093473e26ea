select name, count(*) as n from towns t left join people p on p.town=t.id where t.population>100000 and p.age between 3 and 9 group by name having n>3 order by n desc;
